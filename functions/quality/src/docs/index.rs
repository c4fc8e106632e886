//! The index: the latest runs and how the suites stand, and pages of the runs before.

use shopflow_core::keys;
use shopflow_page::chart::{self, Caption, Point, spark};
use shopflow_page::number::thousands;
use shopflow_page::{Html, html};

use super::evidence::Page;
use super::overview::{date, tone};
use super::runs::{Entry, Noted, PAGE, Runs, SuiteFigures, TREND};
use super::shell::{
    self, Shell, Tone, badge, cell, number_cell, row, section, table, totals, verdict,
};
use super::{cells, suite};

/// Pages of earlier runs that the index names; each of them leads to the next.
const NAMED_PAGES: u64 = 6;

/// The index, and the page of earlier runs that the run of `noted` stands on. A page that is full
/// is written once more when the next one begins, since it leads there.
pub fn pages(noted: &Noted) -> Vec<Page> {
    let runs = &noted.runs;
    let mut pages = vec![Page { key: keys::DOCS_INDEX.to_owned(), content: index(runs) }];
    let own = noted.number / PAGE;
    let before = own.checked_sub(1).filter(|_| noted.number.is_multiple_of(PAGE));
    for page in [Some(own), before].into_iter().flatten() {
        // What has left the state stays as it was written.
        if page * PAGE >= runs.first {
            pages.push(Page { key: keys::docs_archive(page), content: archive(runs, page) });
        }
    }
    pages
}

fn index(runs: &Runs) -> String {
    let end = runs.newest().map_or(0, |newest| newest + 1);
    let latest = runs.between(end.saturating_sub(PAGE), end);
    let mut body = Html::default();
    if let Some(run) = latest.last() {
        body.push(standing(run));
        body.push(figures(run, end));
    }
    body.push(section("Score", &scores(latest)));
    body.push(section("Suites", &suites(latest)));
    body.push(section("Runs", &listed(latest, "Latest runs")));
    body.push(earlier(end));
    let basis = match latest.last() {
        Some(run) => html!("As of the run of {}.", date(run.run.run_date)),
        None => html!("No run has been checked yet."),
    };
    let heading = html!("Data quality");
    Shell { title: "ShopFlow data docs", heading, basis, way: &[], here: "" }.around(&body)
}

fn standing(run: &Entry) -> Html {
    let words = match (run.gate_passed, run.failed) {
        (true, 0) => html!("passed all {} checks.", run.checks),
        (true, failed) => {
            html!("failed {} of {} checks, none of them critical.", failed, run.checks)
        }
        (false, failed) => html!(
            "failed {} of {} checks and was not published: {} critical.",
            failed,
            run.checks,
            run.critical
        ),
    };
    let words = html!("The latest run, {}, {}", link(run), words);
    verdict(tone(run.gate_passed, run.failed), &words)
}

fn figures(run: &Entry, count: u64) -> Html {
    let met: usize = run.suites.iter().map(|suite| suite.met).sum();
    let all: usize = run.suites.iter().map(|suite| suite.total).sum();
    let mut items = vec![("Score, of 100", html!("{}", cells::score(run.score)))];
    if all > 0 {
        items.push(("Expectations met", html!("{} <small>of {}</small>", met, all)));
        items.push(("Rows of the run", html!("{}", thousands(run.rows()))));
    }
    items.push(("Runs so far", html!("{}", thousands(count))));
    totals(&items)
}

fn link(run: &Entry) -> Html {
    let folder = shell::part(&format!("run_id={}", run.run.run_id));
    html!("<a href=\"{}/index.html\">{}</a>", folder, run.run.run_id)
}

/// Columns over runs: closed gates stand out.
fn scores(latest: &[Entry]) -> Html {
    let runs = latest.get(latest.len().saturating_sub(TREND)..).unwrap_or(latest);
    if runs.len() < 2 {
        return html!("<p class=\"quiet\">A trend needs a second run.</p>\n");
    }
    let mut last = String::new();
    let points = |value: fn(&Entry) -> f64, shown: fn(&Entry) -> String, last: &mut String| {
        let point = |run: &Entry| {
            let day = suite::day(run.run.run_date);
            let label = if *last == day { String::new() } else { day.clone() };
            *last = day;
            let tone = if run.gate_passed { chart::Tone::Plain } else { chart::Tone::Bad };
            Point { label, value: value(run), shown: shown(run), tone }
        };
        runs.iter().map(point).collect::<Vec<Point>>()
    };
    let scores = points(|run| run.score, |run| cells::score(run.score), &mut last);
    last.clear();
    let rows = points(|run| run.rows() as f64, |run| thousands(run.rows()), &mut last);
    let figure = |id: &str, words: &str, points: &[Point]| {
        let description = points
            .iter()
            .zip(runs)
            .map(|(point, run)| format!("{}: {}", run.run.run_id, point.shown))
            .collect::<Vec<_>>()
            .join("; ");
        let caption = Caption { id, title: words, description: &description };
        html!(
            "<figure class=\"card\"><figcaption>{}</figcaption>{}</figure>\n",
            words,
            chart::trend(points, &caption)
        )
    };
    let closed = match runs.iter().filter(|run| !run.gate_passed).count() {
        0 => String::new(),
        1 => "; red: gate closed, once".to_owned(),
        times => format!("; red: gate closed, {times} times"),
    };
    html!(
        "<div class=\"side\">{}{}</div>\n",
        figure("score", &format!("Score of the latest {} runs{closed}", runs.len()), &scores),
        figure("rows", &format!("Rows of the latest {} runs{closed}", runs.len()), &rows)
    )
}

/// Every suite as it stood when it last ran.
fn suites(latest: &[Entry]) -> Html {
    let mut names: Vec<&str> = Vec::new();
    for suite in latest.iter().rev().flat_map(|run| &run.suites) {
        if !names.contains(&suite.name.as_str()) {
            names.push(&suite.name);
        }
    }
    if names.is_empty() {
        return Html::default();
    }
    let rows: Html = names.iter().map(|name| of_suite(latest, name)).collect();
    let heads = [
        ("Suite", false),
        ("Result", false),
        ("Met", true),
        ("Trend", false),
        ("Rows", true),
        ("In run", false),
    ];
    table("Suites when they last ran", &heads, &rows)
}

fn of_suite(latest: &[Entry], name: &str) -> Html {
    let ran: Vec<(&Entry, &SuiteFigures)> = latest
        .iter()
        .filter_map(|run| Some((run, run.suites.iter().find(|suite| suite.name == name)?)))
        .collect();
    let Some((run, figures)) = ran.last() else { return Html::default() };
    let shares: Vec<f64> = ran.iter().map(|(_, suite)| suite.share()).collect();
    let shares = shares.get(shares.len().saturating_sub(TREND)..).unwrap_or(&shares);
    let least = shares.iter().copied().fold(1.0, f64::min);
    let description = format!(
        "Share of expectations met in {} runs: now {}, at least {}",
        shares.len(),
        cells::percent(figures.share()),
        cells::percent(least)
    );
    let badge = match (figures.passed, figures.met == figures.total) {
        (true, true) => badge(Tone::Good, "met"),
        (true, false) => badge(Tone::Quiet, "for information"),
        (false, _) => badge(Tone::Bad, "not met"),
    };
    let address = html!(
        "<a href=\"{}/{}.html\">{}</a>",
        shell::part(&format!("run_id={}", run.run.run_id)),
        shell::part(name),
        name
    );
    let cells = [
        cell(&badge),
        number_cell(&format!("{} of {}", figures.met, figures.total)),
        cell(&spark(shares, Some((0.0, 1.0)), &description)),
        number_cell(&thousands(figures.rows)),
        cell(&html!("{}", run.run.run_id)),
    ];
    row(&address, &cells)
}

/// Runs as a table, the newest first.
fn listed(runs: &[Entry], caption: &str) -> Html {
    let rows: Html = runs
        .iter()
        .rev()
        .map(|run| {
            let gate = match tone(run.gate_passed, run.failed) {
                Tone::Good => badge(Tone::Good, "open"),
                Tone::Bad => badge(Tone::Bad, "closed"),
                other => badge(other, "open, warnings"),
            };
            let failed = match run.critical {
                0 => run.failed.to_string(),
                critical => format!("{} ({critical} critical)", run.failed),
            };
            let cells = [
                cell(&html!("<time>{}</time>", run.run.run_date.to_string())),
                cell(&gate),
                number_cell(&cells::score(run.score)),
                number_cell(&failed),
                number_cell(&thousands(run.rows())),
            ];
            row(&link(run), &cells)
        })
        .collect();
    let heads = [
        ("Run", false),
        ("Run date", false),
        ("Gate", false),
        ("Score", true),
        ("Failed checks", true),
        ("Rows", true),
    ];
    table(caption, &heads, &rows)
}

/// Where the runs before the latest are; `end` is one past the newest number.
fn earlier(end: u64) -> Html {
    if end <= PAGE {
        return Html::default();
    }
    let newest = (end - 1) / PAGE;
    let pages = (newest.saturating_sub(NAMED_PAGES - 1)..=newest).rev();
    let items: Html = pages
        .map(|page| {
            let (from, to) = (page * PAGE + 1, ((page + 1) * PAGE).min(end));
            let (from, to) = (thousands(from), thousands(to));
            html!("<li><a href=\"{}\">{} to {}</a></li>", address(page), from, to)
        })
        .collect();
    html!(
        "<nav class=\"pages\" aria-label=\"Earlier runs\"><p>All runs by number:</p><ol>{}</ol></nav>\n",
        items
    )
}

fn address(page: u64) -> String {
    keys::docs_archive(page).trim_start_matches(keys::DOCS).to_owned()
}

/// A page of earlier runs.
fn archive(runs: &Runs, page: u64) -> String {
    let from = page * PAGE;
    let of_page = runs.between(from, from + PAGE);
    let to = thousands(from + of_page.len() as u64);
    let words = format!("Runs {} to {to}", thousands(from + 1));
    let mut steps = Html::default();
    if let Some(older) = page.checked_sub(1) {
        steps.push(html!("<li><a href=\"{}\" rel=\"prev\">Older</a></li>", address(older)));
    }
    if runs.newest().is_some_and(|newest| newest >= from + PAGE) {
        steps.push(html!("<li><a href=\"{}\" rel=\"next\">Newer</a></li>", address(page + 1)));
    }
    steps.push(html!("<li><a href=\"index.html\">Latest</a></li>"));
    let mut body = listed(of_page, &words);
    body.push(html!("<nav class=\"pages\" aria-label=\"Other runs\"><ol>{}</ol></nav>\n", steps));
    Shell {
        title: &words,
        heading: html!("{}", words),
        basis: html!("Counted from the first run whose data docs were written."),
        way: &[("Data docs", "index.html")],
        here: &words,
    }
    .around(&body)
}

#[cfg(test)]
mod tests {
    use super::super::runs::tests::{entry, noted};
    use super::*;

    fn keys_of(noted: &Noted) -> Vec<String> {
        pages(noted).into_iter().map(|page| page.key).collect()
    }

    #[test]
    fn a_run_writes_the_index_and_its_own_page_of_runs() {
        assert_eq!(keys_of(&noted(1)), ["docs/index.html", "docs/runs-00000.html"]);
        let first_of_a_page = ["docs/index.html", "docs/runs-00001.html", "docs/runs-00000.html"];
        assert_eq!(keys_of(&noted(51)), first_of_a_page);
        let mut repeated = noted(450);
        repeated.number = 10;
        assert_eq!(keys_of(&repeated), ["docs/index.html"], "its page cannot be written any more");
    }

    #[test]
    fn the_index_stays_small_and_leads_to_every_page() {
        let index = &pages(&noted(10_000))[0].content;
        assert_eq!(index.matches("<time>").count(), 50);
        assert!(index.len() < 60_000, "{}", index.len());
        assert!(index.contains("<a href=\"runs-00199.html\">9,951 to 10,000</a>"), "{index}");
        assert_eq!(index.matches("href=\"runs-").count(), 6);
        let archived = archive(&noted(120).runs, 1);
        for address in ["runs-00000.html", "runs-00002.html", "index.html"] {
            assert!(archived.contains(&format!("href=\"{address}\"")), "{archived}");
        }
    }

    #[test]
    fn names_are_escaped_and_addresses_encoded() {
        let mut state = noted(2);
        let mut hostile = entry(2);
        hostile.run.run_id = "<script>\"&x y".to_owned();
        hostile.gate_passed = false;
        state.runs.runs.push(hostile);
        let index = &pages(&state)[0].content;
        assert!(!index.contains("<script"), "{index}");
        assert!(index.contains("href=\"run_id=%3Cscript%3E%22%26x%20y/index.html\""), "{index}");
    }
}
