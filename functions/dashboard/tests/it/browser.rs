//! The page in a real browser, with figures from a server of the test.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};
use shopflow_dashboard::page;
use shopflow_testkit::browser::{Browser, axe};

/// Widths of windows, and whether their users prefer dark pages.
const VIEWS: [(u32, bool); 4] = [(1280, false), (390, true), (390, false), (1280, true)];

/// What the server answers a question for the figures.
enum Answer {
    Figures(&'static str, Box<Value>),
    Unchanged,
    Refused,
    /// From here on nobody listens.
    Gone,
}

/// What the connections to a server have in common.
struct Server {
    answers: Vec<Answer>,
    given: AtomicUsize,
    is_gone: AtomicBool,
    /// The tag of each question for figures.
    asked: Sender<Option<String>>,
}

/// Serves the page and, in order, the answers; the last is given again and again.
fn serve(answers: Vec<Answer>) -> (SocketAddr, Receiver<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, receiver) = channel();
    let (given, is_gone) = (AtomicUsize::new(0), AtomicBool::new(false));
    let server = Arc::new(Server { answers, given, is_gone, asked });
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if server.is_gone.load(Ordering::SeqCst) {
                return;
            }
            // Each has a thread: a browser opens connections that it does not use.
            let server = Arc::clone(&server);
            std::thread::spawn(move || server.answer(stream.unwrap()));
        }
    });
    (address, receiver)
}

impl Server {
    fn answer(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let Some(request) = lines.next() else { return };
        let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let answer = match request.starts_with("GET / ") {
            true => Some(whole_page()),
            false => self.figures(&headers),
        };
        let Some((status, more, body)) = answer else { return };
        let length = body.len();
        // The browser may have gone on to another page.
        let _ = write!(
            stream,
            "HTTP/1.1 {status} -\r\n{more}content-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
    }

    fn figures(&self, headers: &[String]) -> Option<(u16, String, String)> {
        let known = headers.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("if-none-match").then(|| value.to_owned())
        });
        let place = self.given.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        // The test may have seen enough.
        let _ = self.asked.send(known);
        match &self.answers[place] {
            Answer::Figures(etag, figures) => {
                let more = format!("content-type: application/json\r\netag: {etag}\r\n");
                Some((200, more, figures.to_string()))
            }
            Answer::Unchanged => Some((304, String::new(), String::new())),
            Answer::Refused => Some((401, String::new(), "{}".to_owned())),
            Answer::Gone => {
                self.is_gone.store(true, Ordering::SeqCst);
                None
            }
        }
    }
}

fn whole_page() -> (u16, String, String) {
    let (text, policy) = page("local");
    let more = format!("content-type: text/html\r\ncontent-security-policy: {policy}\r\n");
    (200, more, text)
}

fn figures(visitors: i64) -> Box<Value> {
    let now = chrono::Utc::now();
    let ago = |seconds| now - chrono::TimeDelta::seconds(seconds);
    let amounts: Vec<Value> = (0..60)
        .map(|minute| if minute < 4 { Value::Null } else { json!(format!("{minute}.50")) })
        .collect();
    let events: Vec<i64> = (0..90).map(|slice| 300 + slice % 7 * 20).collect();
    let name = "A board of walnut to serve on, with a name that is rather long";
    Box::new(json!({
        "now": now, "until": now, "stream": "clicks", "currency": "EUR",
        "visitors": {"now": visitors, "bots": 2},
        "events": {"per_second": 30.5, "from": ago(910), "step_seconds": 10, "values": events},
        "revenue": {"from": ago(3_540), "step_seconds": 60, "values": amounts,
                    "week_before": vec![Value::Null; 60]},
        "funnel": {"visits": 400, "viewers": 300, "carts": 80, "checkouts": 40, "buyers": 20,
                   "bots": 2},
        "recent": {"from": ago(900), "visitors": 200, "buyers": 10, "conversion": 0.05,
                   "revenue": "1234.50", "purchases_without_amount": 3},
        "week_before": null,
        "trends": {"until": ago(40), "products": [
            {"product_id": 7, "name": name, "events": 90, "before": 20},
            {"product_id": 8, "name": null, "events": 40, "before": null}]},
        "abandoned_carts": 12,
        "lag": {"last_arrival": ago(1), "arrival_seconds": 1, "last_event": ago(2),
                "watermark": ago(31), "watermark_seconds": 31, "shards": 1},
        "counts": {"received": 1000, "applied": 990, "repeated": 0, "duplicates": 4,
                   "refused": 3, "late": 7, "too_late": 2, "future": 1,
                   "too_late_last_hour": [{"definition": "traffic", "events": 2}]},
        "findings": [
            {"occurred_at": ago(4_000),
             "detail": {"metric": "events", "value": 12.0, "usual": 480.4}},
            {"occurred_at": ago(100_000),
             "detail": {"metric": "events", "value": 900.0, "usual": 300.0}}],
    }))
}

/// What there is before the first event.
fn nothing() -> Box<Value> {
    let now = chrono::Utc::now();
    Box::new(json!({
        "now": now, "until": now, "stream": "clicks", "currency": "EUR", "visitors": null,
        "events": null, "revenue": null, "funnel": null, "recent": null, "week_before": null,
        "trends": null, "abandoned_carts": null, "lag": null, "counts": null, "findings": [],
    }))
}

/// Holds that the open page is no wider than its window, and that axe finds nothing.
fn is_sound(browser: &mut Browser, axe: Option<&str>, at: &str) {
    let overflow = browser.overflow();
    assert!(overflow <= 0.0, "{at}: {overflow} too wide");
    if let Some(axe) = axe {
        assert_eq!(browser.violations(axe), [""; 0], "{at}");
    }
}

/// Waits, in the page, until an expression is true.
fn wait(browser: &mut Browser, condition: &str) {
    browser.evaluate(&format!(
        "new Promise(done => {{
            const look = () => ({condition}) ? done(true) : setTimeout(look, 20);
            look();
        }})"
    ));
}

fn text(browser: &mut Browser, id: &str) -> String {
    let text = browser.evaluate(&format!("document.getElementById('{id}').textContent"));
    text.as_str().unwrap().to_owned()
}

/// How many questions come of what makes a page ask at once: being looked at again.
const ASK: &str = "(() => {
    const fetch = window.fetch;
    let asked = 0;
    window.fetch = () => { asked += 1; return Promise.reject(new Error('not asked for')); };
    document.dispatchEvent(new Event('visibilitychange'));
    window.fetch = fetch;
    return asked;
})()";

const IS_LIVE: &str = "document.body.dataset.state === 'live'";

#[test]
fn figures_are_shown_as_they_come() {
    let first = Answer::Figures("W/\"1\"", figures(1_284));
    let second = Answer::Figures("W/\"2\"", figures(1_300));
    let (address, asked) = serve(vec![first, Answer::Unchanged, second, Answer::Unchanged]);
    let mut browser = Browser::start();
    browser.view(1280, 900, false);
    let noted = browser.open(&format!("http://{address}/"));
    assert_eq!(noted.complaints, [""; 0]);
    wait(&mut browser, "document.getElementById('visitors').textContent === '1,284'");
    assert_eq!(text(&mut browser, "revenue"), "€1,234.50");
    assert_eq!(text(&mut browser, "conversion"), "5.0 %");
    assert_eq!(text(&mut browser, "conversion-note"), "last week not known");
    assert!(text(&mut browser, "unpriced").starts_with("3 purchases"));
    assert!(text(&mut browser, "trends").contains("Product 8"));
    assert!(text(&mut browser, "bots").starts_with("2 bots"));
    let findings = text(&mut browser, "findings");
    assert!(findings.contains("12 events, usually 480"), "{findings}");
    assert!(findings.contains("Yesterday "), "{findings}");
    wait(&mut browser, "document.getElementById('visitors').textContent === '1,300'");
    let tags: Vec<Option<String>> = asked.iter().take(3).collect();
    let known = Some("W/\"1\"".to_owned());
    assert_eq!(tags, [None, known.clone(), known]);
    assert_eq!(browser.evaluate("document.querySelectorAll('canvas').length"), 2);
}

#[test]
fn a_chart_is_read_with_the_keyboard_and_as_a_table() {
    let (address, asked) = serve(vec![Answer::Figures("W/\"1\"", figures(5))]);
    let mut browser = Browser::start();
    browser.view(1280, 900, false);
    browser.open(&format!("http://{address}/"));
    wait(&mut browser, IS_LIVE);
    browser.evaluate(
        "(() => {
            const plot = document.getElementById('revenue-plot');
            plot.focus();
            for (const key of ['End', 'ArrowLeft', 'ArrowLeft']) {
                plot.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
            }
        })()",
    );
    let plot = "document.getElementById('revenue-plot')";
    assert_eq!(browser.evaluate(&format!("{plot}.getAttribute('aria-valuenow')")), "57");
    let value = browser.evaluate(&format!("{plot}.getAttribute('aria-valuetext')"));
    assert!(value.as_str().unwrap().contains("€57.50"), "{value}");
    assert!(text(&mut browser, "revenue-reading").contains("€57.50"));
    browser.unfold();
    wait(&mut browser, "document.querySelectorAll('#revenue-rows tr').length === 60");
    assert!(text(&mut browser, "revenue-rows").contains("€57.50"));
    // Not more elements, however often the figures come.
    wait(&mut browser, "document.querySelectorAll('#events-rows tr').length === 90");
    let size = browser.evaluate("document.querySelectorAll('*').length");
    drop(asked.try_iter().collect::<Vec<_>>());
    assert_eq!(asked.iter().take(3).count(), 3);
    assert_eq!(browser.evaluate("document.querySelectorAll('*').length"), size);
}

#[test]
fn the_value_of_a_focused_chart_changes_by_its_keys_only() {
    let answers = (0..600).map(|number| {
        let mut figures = figures(number);
        figures["revenue"]["values"][59] = json!(format!("{number}.00"));
        Answer::Figures("W/\"1\"", figures)
    });
    let (address, _asked) = serve(answers.collect());
    let mut browser = Browser::start();
    browser.view(1280, 900, false);
    browser.open(&format!("http://{address}/"));
    wait(&mut browser, IS_LIVE);
    let plot = "document.getElementById('revenue-plot')";
    let value = format!("{plot}.getAttribute('aria-valuetext')");
    let held = browser.evaluate(&format!("({plot}.focus(), {value})"));
    let held = held.as_str().unwrap().to_owned();
    let shown = text(&mut browser, "revenue-reading");
    let reading = "document.getElementById('revenue-reading').textContent";
    wait(&mut browser, &format!("{reading} !== '{shown}'"));
    assert_eq!(browser.evaluate(&value), held);
    browser.evaluate(&format!("{plot}.blur()"));
    wait(&mut browser, &format!("{value} !== '{held}'"));
}

#[test]
fn a_page_that_is_older_than_the_server_asks_to_be_reloaded() {
    let other = Box::new(json!({"now": chrono::Utc::now(), "form": "another"}));
    let (address, asked) = serve(vec![Answer::Figures("W/\"1\"", other)]);
    let mut browser = Browser::start();
    browser.view(1280, 900, false);
    browser.open(&format!("http://{address}/"));
    wait(&mut browser, "document.body.dataset.state === 'lost'");
    let notice = text(&mut browser, "notice");
    assert!(notice.contains("reload"), "{notice}");
    // What could not be shown is not taken for known.
    assert!(asked.iter().take(2).all(|tag| tag.is_none()));
}

#[test]
fn a_server_that_is_gone_is_told_from_one_that_has_nothing_new() {
    let (address, _asked) = serve(vec![Answer::Figures("W/\"1\"", figures(5)), Answer::Gone]);
    let mut browser = Browser::start();
    browser.view(1280, 900, false);
    browser.open(&format!("http://{address}/"));
    wait(&mut browser, IS_LIVE);
    wait(&mut browser, "document.body.dataset.state === 'lost'");
    assert!(text(&mut browser, "state-text").starts_with("No connection, figures from "));
    assert_eq!(browser.evaluate("document.getElementById('notice').hidden"), false);
    assert_eq!(text(&mut browser, "spoken"), text(&mut browser, "notice"));
    // What was known is still there, and how long ago that was does not pass for the lag.
    assert_eq!(text(&mut browser, "visitors"), "5");
    assert_eq!(text(&mut browser, "lag"), "–");
}

#[test]
fn a_link_that_has_expired_says_how_to_make_another() {
    let (address, asked) = serve(vec![Answer::Figures("W/\"1\"", figures(5)), Answer::Refused]);
    let mut browser = Browser::start();
    browser.view(390, 844, false);
    browser.open(&format!("http://{address}/"));
    wait(&mut browser, "document.body.dataset.state === 'expired'");
    assert!(text(&mut browser, "notice").contains("cargo shopflow dashboard --open"));
    // There is nothing left to pause.
    assert_eq!(browser.evaluate("document.getElementById('pause').hidden"), true);
    assert_eq!(browser.evaluate(ASK), 0);
    assert_eq!(asked.try_iter().count(), 2);
}

#[test]
fn a_page_that_pauses_asks_for_nothing() {
    let (address, asked) = serve(vec![Answer::Figures("W/\"1\"", figures(5)), Answer::Unchanged]);
    let mut browser = Browser::start();
    browser.view(1280, 900, false);
    browser.open(&format!("http://{address}/"));
    wait(&mut browser, IS_LIVE);
    browser.evaluate("document.getElementById('pause').click()");
    wait(&mut browser, "document.body.dataset.state === 'paused'");
    assert_eq!(browser.evaluate(ASK), 0);
    drop(asked.try_iter().collect::<Vec<_>>());
    browser.evaluate("document.getElementById('pause').click()");
    wait(&mut browser, IS_LIVE);
    assert!(asked.recv().is_ok());
}

#[test]
fn the_page_fits_wide_and_narrow_windows_is_accessible_and_asks_nobody_else() {
    let (address, _asked) = serve(vec![Answer::Figures("W/\"1\"", figures(1_284_000))]);
    let address = format!("http://{address}/");
    let axe = axe();
    let mut browser = Browser::start();
    for (width, is_dark) in VIEWS {
        browser.view(width, 844, is_dark);
        let noted = browser.open(&address);
        assert_eq!(noted.complaints, [""; 0]);
        let elsewhere =
            |request: &&String| !request.starts_with(&address) && !request.starts_with("data:");
        assert_eq!(noted.requests.iter().find(elsewhere), None);
        wait(&mut browser, IS_LIVE);
        browser.unfold();
        wait(&mut browser, "document.querySelectorAll('#events-rows tr').length === 90");
        is_sound(&mut browser, axe.as_deref(), &format!("at {width}, dark: {is_dark}"));
    }
}

#[test]
fn the_page_fits_and_is_accessible_when_there_are_no_figures() {
    let axe = axe();
    let mut browser = Browser::start();
    for (width, is_dark) in VIEWS {
        browser.view(width, 844, is_dark);
        let answers = [Answer::Figures("W/\"0\"", nothing()), Answer::Refused, Answer::Gone];
        for (state, answer) in ["quiet", "expired", "lost"].into_iter().zip(answers) {
            let (address, _asked) = serve(vec![answer]);
            browser.open(&format!("http://{address}/"));
            wait(&mut browser, &format!("document.body.dataset.state === '{state}'"));
            let notice = text(&mut browser, "notice");
            assert_ne!(notice, "", "{state}");
            assert_eq!(text(&mut browser, "spoken"), notice, "{state}");
            let at = format!("{state} at {width}, dark: {is_dark}");
            is_sound(&mut browser, axe.as_deref(), &at);
        }
    }
}
