//! Clicks as they happen, from their producers to the windows, to silver and to the live page.

mod landed;
mod reshard;

use std::time::Duration;

use arrow::array::AsArray;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use shopflow::stream::{Answers, Counts, Pace, Sent, Tally, send};
use shopflow_aws::kinesis::Record;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, keys, signed_link};
use shopflow_generate::live::{Between, Clicks, Delays, Label, Scenario, Shares};
use shopflow_lake::{Table, parquet};
use shopflow_postgres::secret;
use shopflow_testkit::browser::Browser;
use shopflow_testkit::http::{self, Answer};
use shopflow_testkit::wait::Wait;
use shopflow_tests::Cloud;

use self::landed::Landed;

/// So many visits reach every shard, whichever way their names are spread.
const VISITS: u64 = 12;
/// Runs that files of clicks begin.
const RUNS: &str = "s3-clickstream-";

/// The function, with a clock that events alone move on, and with files that wait until a test has
/// them handed over.
const PATIENT: [(&str, &str); 2] =
    [("SHOPFLOW__STREAM__IDLE_SECONDS", "3600"), ("SHOPFLOW__STREAM__HAND_OVER_MINUTES", "600")];

/// An hour that is over, and long enough ago for events around it.
fn past_hour() -> DateTime<Utc> {
    let now = Utc::now().timestamp();
    DateTime::from_timestamp(now - now.rem_euclid(3600) - 6 * 3600, 0).unwrap()
}

/// Somebody looks at a product.
fn click(number: u64, session: &str, at: DateTime<Utc>) -> Value {
    json!({
        "event_id": format!("00000000-0000-4000-8000-{number:012}"), "session_id": session,
        "event_type": "product_view", "product_id": 17, "url": "https://shop.example/p/17",
        "device": "mobile", "country": "DE",
        "timestamp": at.to_rfc3339_opts(SecondsFormat::Micros, true),
    })
}

/// Clicks of one moment on every shard.
fn everywhere(first: u64, name: &str, at: DateTime<Utc>) -> Vec<Value> {
    (0..VISITS).map(|number| click(first + number, &format!("{name}-{number}"), at)).collect()
}

/// What happens in two minutes, with everything that goes wrong on the way.
fn scenario(start: DateTime<Utc>) -> Scenario {
    // Still to come when the last of them arrives, however slow the machine is.
    let half_a_day = Duration::from_secs(12 * 3600);
    let least = (Utc::now() - start).to_std().unwrap() + half_a_day;
    let future = Between { least, most: least + half_a_day };
    Scenario {
        rate: 3.0,
        duration: Duration::from_secs(120),
        peak: 1.0,
        shares: Shares {
            bot: 0.1,
            out_of_order: 0.05,
            late: 0.05,
            too_late: 0.05,
            duplicate: 0.05,
            broken: 0.08,
            future: 0.05,
        },
        delays: Delays { future, ..Delays::default() },
        ..Scenario::starting(start)
    }
}

/// Sends a scenario as fast as the stream takes it; how many events have each label.
async fn burst(cloud: &Cloud, scenario: Scenario) -> Tally {
    let mut tally = Tally::new();
    let clicks = Clicks::new(&Vocabularies::default(), scenario).unwrap();
    let put = async |records: &[Record]| -> shopflow_core::Result<Answers> {
        Ok(cloud.put_records(records).await)
    };
    let sent = Sent::default();
    let sending = send(
        clicks,
        Pace::Burst,
        |planned| {
            *tally.entry(planned.label).or_default() += 1;
            Ok(())
        },
        put,
        &sent,
    );
    sending.await.unwrap();
    tally
}

async fn tick(cloud: &Cloud) {
    let answer = cloud.invoke("stream", &json!({"tick": true})).await.unwrap();
    assert_eq!(answer["incomplete"], false, "{answer:#}");
}

async fn watermark(cloud: &Cloud) -> DateTime<Utc> {
    let sql = "SELECT watermark FROM stream.progress";
    cloud.database.query_one(sql, &[]).await.unwrap().get(0)
}

/// The figures of the shop in an hour that no event can change any more.
async fn final_hour(cloud: &Cloud, hour: DateTime<Utc>) -> Value {
    let sql = "SELECT figures, is_final FROM stream.windows
               WHERE definition = 'traffic' AND window_name = '1h' AND window_start = $1";
    let row = cloud.database.query_one(sql, &[&hour]).await.unwrap();
    assert!(row.get::<_, bool>(1));
    row.get(0)
}

/// Has what is staged handed over, and waits for the end of the run that its file begins; the run.
async fn hand_over(cloud: &Cloud) -> String {
    let before = cloud.executions(RUNS).await;
    // As if it had waited long enough.
    let aged = "UPDATE stream.staged SET staged_at = staged_at - interval '1 day'
                WHERE handover IS NULL";
    assert!(cloud.database.execute(aged, &[]).await.unwrap() > 0, "nothing is staged");
    tick(cloud).await;
    cloud.begun(RUNS, before.len(), 1).await;
    cloud.settle().await;
    let after = cloud.executions(RUNS).await;
    let new: Vec<&String> = after.iter().filter(|run| !before.contains(run)).collect();
    let [run] = new[..] else { panic!("one file begins one run: {new:?}") };
    let succeeded =
        format!("SELECT count(*) FROM ops.runs WHERE run_id = '{run}' AND status = 'succeeded'");
    assert_eq!(cloud.count(&succeeded).await, 1, "{run}");
    let ledger = cloud.ledger(run).await;
    ledger.assert_balanced();
    assert_eq!(ledger.line("validate", "clickstream").quarantined, 0, "both have the same rules");
    run.clone()
}

/// The events in silver, each as often as it is there.
async fn silver(cloud: &Cloud) -> Vec<String> {
    let storage = cloud.target.storage();
    let table = keys::silver_table(Dataset::Clickstream);
    let table = Table::open(&storage, &cloud.lake, &table).await.unwrap();
    let mut events = Vec::new();
    for file in table.manifest().files() {
        let content = storage.read_all(&file.reference(&cloud.lake)).await.unwrap();
        for batch in parquet::decode(content).unwrap() {
            let ids = batch.column_by_name("event_id").unwrap().as_string::<i32>();
            events.extend(ids.iter().flatten().map(str::to_owned));
        }
    }
    events.sort();
    events
}

/// What quality found in silver of the clicks that the stream has counted.
async fn in_silver(cloud: &Cloud, run: &str) -> Value {
    let report = cloud.read(&cloud.reports, &keys::quality_report(run)).await;
    let report: Value = serde_json::from_slice(&report).unwrap();
    let mut checks = report["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == "stream.clicks.in_silver");
    check.unwrap_or_else(|| panic!("nothing was compared: {report:#}")).clone()
}

/// Records of the quarantine files of the stream.
async fn quarantined(cloud: &Cloud) -> u64 {
    let mut rows = 0;
    for key in cloud.keys(&cloud.landing, "quarantine/clickstream/run_id=stream-").await {
        let content = cloud.read(&cloud.landing, &key).await;
        rows += csv::Reader::from_reader(&content[..]).byte_records().map(Result::unwrap).count();
    }
    rows as u64
}

/// Sends the first clicks, which every shard gets; what is counted then.
async fn begin_everywhere(cloud: &Cloud, begin: DateTime<Utc>) -> Counts {
    cloud.put_clicks(&everywhere(0, "first", begin)).await;
    let counts = cloud.has_read(VISITS).await;
    assert_eq!(counts.applied, VISITS);
    let begun = "SELECT count(*) FROM stream.shards WHERE watermark IS NOT NULL";
    assert_eq!(cloud.count(begun).await, cloud.shards().await.len() as i64);
    tick(cloud).await;
    assert_eq!(watermark(cloud).await, begin - TimeDelta::seconds(30));
    counts
}

/// Holds what was counted of a scenario against the labels of its events.
fn is_as_labelled(counts: &Counts, tally: &Tally) {
    let of = |labels: &[Label]| labels.iter().map(|label| tally[label]).sum::<u64>();
    assert_eq!(counts.read_once(), of(&Label::ALL));
    assert_eq!(
        [counts.applied, counts.duplicates, counts.refused, counts.too_late, counts.future],
        [
            of(&[Label::Good, Label::Bot, Label::OutOfOrder, Label::Late]),
            of(&[Label::Duplicate]),
            of(&[Label::Broken]),
            of(&[Label::TooLate]),
            of(&[Label::Future]),
        ],
        "{tally:?}"
    );
}

fn address(cloud: &Cloud, output: &str) -> String {
    cloud.target.stack.function_url(output, Some(&cloud.endpoint)).unwrap()
}

#[tokio::test]
async fn each_click_counts_once_and_final_windows_say_what_silver_says() {
    let cloud = Cloud::fresh().await;
    let _patient = cloud.variables(&PATIENT);
    let hour = past_hour();

    // From here on every shard has a say in how late it is, and none can be ahead of the others.
    let begin = hour + TimeDelta::seconds(19 * 60 + 30);
    let before = begin_everywhere(&cloud, begin).await;

    let tally = burst(&cloud, scenario(hour + TimeDelta::minutes(20))).await;
    let sent: u64 = tally.values().sum();
    let counts = cloud.has_read(VISITS + sent).await.since(&before);
    is_as_labelled(&counts, &tally);
    assert_eq!(quarantined(&cloud).await, counts.refused);

    // What a web page sends.
    let at = hour + TimeDelta::minutes(21);
    let mut wrong = click(101, "page-1", at);
    wrong["country"] = json!("Neverland");
    let body = json!([click(100, "page-0", at), wrong, click(102, "page-1", at)]).to_string();
    let headers = [("content-type", "application/json")];
    let told = http::post(&address(&cloud, "CollectUrl"), &headers, &body).await;
    assert_eq!(told.status, 202, "{}", told.text());
    let told = told.json();
    assert_eq!((&told["accepted"], &told["refused"][0]["event"]), (&json!(2), &json!(2)));
    let all = cloud.has_read(VISITS + sent + 2).await;
    assert_eq!(all.since(&before).applied, counts.applied + 2);

    // Later clicks end the hour and the visits in it.
    let end = hour + TimeDelta::hours(2);
    cloud.put_clicks(&everywhere(200, "last", end)).await;
    let all = cloud.has_read(2 * VISITS + sent + 2).await;
    tick(&cloud).await;
    assert_eq!(watermark(&cloud).await, end - TimeDelta::seconds(30));
    every_abandoned_cart_is_told_of_once(&cloud).await;

    let run = hand_over(&cloud).await;
    let landed = Landed::read(&cloud).await;
    let found = silver(&cloud).await;
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), landed.ids());
    assert_eq!(found.len() as u64, all.applied + all.too_late + all.future);

    let figures = final_hour(&cloud, hour).await;
    landed.compare(hour, &figures);
    let events = all.applied - VISITS;
    assert_eq!(figures["events"], events);
    let check = in_silver(&cloud, &run).await;
    assert_eq!(check["passed"], true, "{check:#}");
    assert_eq!(check["actual"], format!("nothing missing of {events} events in 1 hour"));

    // One that comes when its hour is final is in silver and in no window.
    cloud.put_clicks(&[click(300, "behind", at)]).await;
    let late = cloud.has_read(2 * VISITS + sent + 3).await;
    assert_eq!((late.applied, late.too_late), (all.applied, all.too_late + 1));
    let run = hand_over(&cloud).await;
    assert_eq!(silver(&cloud).await.len(), found.len() + 1);
    assert_eq!(final_hour(&cloud, hour).await, figures);
    let check = in_silver(&cloud, &run).await;
    assert_eq!(check["passed"], true, "{check:#}");
    let detail = check["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with("besides 1 event too late for the windows"), "{check:#}");
}

async fn every_abandoned_cart_is_told_of_once(cloud: &Cloud) {
    let left = "SELECT count(*) FROM stream.sessions
                WHERE carts > 0 AND purchases = 0 AND NOT is_bot";
    let told = "SELECT count(*) FROM stream.outbox WHERE detail_type = 'Cart abandoned'";
    let (left, noted) = (cloud.count(left).await, cloud.count(told).await);
    assert!(left > 0, "somebody always leaves a cart behind");
    assert_eq!(noted, left);
    let wait = Wait::until("EventBridge has taken every event");
    while cloud.count("SELECT count(*) FROM stream.outbox WHERE sent_at IS NULL").await > 0 {
        wait.pause(100).await;
    }
}

/// The figures of the page, as its script asks for them.
async fn live(page: &str, cookie: &str, known: Option<&str>) -> Answer {
    let mut headers = vec![("cookie", cookie)];
    headers.extend(known.map(|tag| ("if-none-match", tag)));
    let answer = http::get(&format!("{page}api/live"), &headers).await;
    assert!([200, 304].contains(&answer.status), "{}: {}", answer.status, answer.text());
    answer
}

/// Waits, in the browser, until the page shows these counters.
fn shown(browser: &mut Browser, counts: &Counts) {
    let Counts { received, applied, .. } = counts;
    browser.evaluate(&format!(
        "new Promise(done => {{
            const facts = () => document.getElementById('facts').textContent;
            const look = () => facts().startsWith('Events received{received}Counted{applied}')
                ? done(true) : setTimeout(look, 20);
            look();
        }})"
    ));
}

#[tokio::test]
async fn whoever_has_a_link_sees_what_the_stream_counts() {
    let cloud = Cloud::fresh().await;
    let page = address(&cloud, "DashboardUrl");
    for url in [page.clone(), format!("{page}api/live"), format!("{page}?token=1.x")] {
        let refused = http::get(&url, &[]).await;
        assert_eq!(refused.status, 401, "{url}");
        assert!(refused.text().contains("cargo shopflow dashboard --open"), "{url}");
    }
    let secret = cloud.target.stack.output("DashboardSecretArn").unwrap();
    let secret = secret::read(&cloud.target.aws, secret).await.unwrap();
    let expiry = Utc::now().timestamp() + 12 * 3600;
    let forged = signed_link::sign(&"x".repeat(signed_link::SHORTEST_SECRET), expiry).unwrap();
    assert_eq!(http::get(&format!("{page}?token={forged}"), &[]).await.status, 401);
    let link = format!("{page}?token={}", signed_link::sign(&secret, expiry).unwrap());
    let entered = http::get(&link, &[]).await;
    assert_eq!((entered.status, entered.header("location")), (303, Some("./")));
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();

    let nothing = live(&page, cookie, None).await.json();
    assert_eq!((&nothing["counts"], &nothing["visitors"]), (&Value::Null, &Value::Null));

    let now = Utc::now();
    let mut clicks: Vec<Value> = (0..3).map(|number| click(number, "a", now)).collect();
    clicks.push(clicks[0].clone());
    clicks.push(click(3, "a", now + TimeDelta::hours(12)));
    clicks.push(click(4, "a", now));
    clicks[5]["country"] = json!("Neverland");
    cloud.put_clicks(&clicks).await;
    let counts = cloud.has_read(6).await;
    let figures = live(&page, cookie, None).await.json();
    for (name, expected) in
        [("received", 6), ("applied", 3), ("duplicates", 1), ("future", 1), ("refused", 1)]
    {
        assert_eq!(figures["counts"][name], expected, "{name}: {counts:?}");
    }
    // Who clicked in the last minutes is there; somebody clicks until the page has been quick enough.
    let wait = Wait::until("the page shows a visitor");
    let mut read = 6;
    while live(&page, cookie, None).await.json()["visitors"]["now"] == 0 {
        cloud.put_clicks(&[click(read, "b", Utc::now())]).await;
        read += 1;
        cloud.has_read(read).await;
        wait.pause(100).await;
    }

    let tag = unchanged(&page, cookie).await;
    cloud.put_clicks(&[click(read, "c", Utc::now())]).await;
    let counts = cloud.has_read(read + 1).await;
    let changed = live(&page, cookie, Some(&tag)).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    assert_eq!(changed.json()["counts"]["applied"], counts.applied);

    let mut browser = Browser::start();
    browser.view(1280, 900, false);
    let noted = browser.open(&link);
    assert_eq!(noted.complaints, [""; 0]);
    let elsewhere =
        |request: &&String| !request.starts_with(&page) && !request.starts_with("data:");
    assert_eq!(noted.requests.iter().find(elsewhere), None);
    assert_eq!(browser.evaluate("location.search"), "", "the token is in no address any more");
    shown(&mut browser, &counts);
    cloud.put_clicks(&[click(read + 1, "d", Utc::now())]).await;
    let counts = cloud.has_read(read + 2).await;
    shown(&mut browser, &counts);
}

/// Asks until there is nothing new; the tag of what is known.
async fn unchanged(page: &str, cookie: &str) -> String {
    let wait = Wait::until("the figures are the same twice");
    loop {
        let first = live(page, cookie, None).await;
        let tag = first.header("etag").unwrap().to_owned();
        if live(page, cookie, Some(&tag)).await.status == 304 {
            return tag;
        }
        // Another ten seconds have begun, or a tick came in between.
        wait.pause(100).await;
    }
}
