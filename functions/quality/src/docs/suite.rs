//! The page of a suite: what failed, how it was before, every column, a few rows.

use shopflow_core::dataset::Column;
use shopflow_core::keys;
use shopflow_expectations::{ExpectationResult, Severity};
use shopflow_page::chart::{self, Caption, Point};
use shopflow_page::number::thousands;
use shopflow_page::{Html, html, slug};
use shopflow_privacy::Class;

use super::evidence::Evidence;
use super::runs::{Entry, SuiteFigures};
use super::shell::{self, Shell, Tone, section, totals, verdict};
use super::{cells, expectation, profile};
use crate::expectations::history::Compared;
use crate::expectations::sample::Cell;
use crate::expectations::{Outcome, Sample};

/// Files behind a page, seen from it.
const BUCKET: &str = "../../";

/// The page; `runs` are the run and those before it.
pub fn page(evidence: &Evidence<'_>, outcome: &Outcome, runs: &[Entry]) -> String {
    let name = outcome.suite;
    let run_id = evidence.run_id();
    let compared = evidence.compared(outcome);
    let mut body = summary(outcome);
    body.push(section("What failed", &failures(&outcome.result.results)));
    body.push(section("Trend", &trends(name, compared, runs)));
    body.push(section("Columns", &columns(evidence, outcome)));
    body.push(section("Rows", &rows(outcome)));
    body.push(section("Files", &files(run_id, outcome)));
    let about = match outcome.dataset {
        Some(_) => html!("Validated rows of <code>{}</code> in run <code>{}</code>.", name, run_id),
        None => html!("The gold table <code>{}</code> after run <code>{}</code>.", name, run_id),
    };
    Shell {
        title: &format!("{name}, run {run_id}"),
        heading: html!("{}", name),
        basis: about,
        way: &[("Data docs", "../index.html"), (run_id, "index.html")],
        here: name,
    }
    .around(&body)
}

fn summary(outcome: &Outcome) -> Html {
    let figures = SuiteFigures::new(outcome);
    let failed = figures.total - figures.met;
    let (tone, words) = match (outcome.result.worst_failure(), failed) {
        (None, _) => (Tone::Good, html!("All {} expectations are met.", figures.total)),
        (Some(Severity::Critical), _) => (
            Tone::Bad,
            html!(
                "{} of {} expectations are not met, and the gate is closed.",
                failed,
                figures.total
            ),
        ),
        (Some(Severity::Warning), _) => (
            Tone::Warning,
            html!("{} of {} expectations are not met; none is critical.", failed, figures.total),
        ),
        (Some(Severity::Info), _) => (
            Tone::Quiet,
            html!(
                "{} of {} expectations are not met, for information only.",
                failed,
                figures.total
            ),
        ),
    };
    let mut body = verdict(tone, &words);
    let mut items = vec![
        ("Rows", html!("{}", thousands(figures.rows))),
        ("Expectations met", html!("{} <small>of {}</small>", figures.met, figures.total)),
    ];
    let meta = |name: &str| outcome.result.meta.get(name).and_then(|value| value.as_u64());
    if let Some(bytes) = meta("bytes") {
        items.push(("In the lake", html!("{}", size(bytes))));
    }
    if let Some(bytes) = meta("bytes_left_out") {
        items.push(("Not looked at", html!("{}", size(bytes))));
    }
    body.push(totals(&items));
    body
}

/// Bytes with a unit: `12.3 kB`.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e3 => format!("{bytes:.0} B"),
        bytes if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        bytes if bytes < 1e9 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

/// The failed expectations, the worst first; each with its number on the page.
fn numbered(results: &[ExpectationResult]) -> Vec<(usize, &ExpectationResult)> {
    let mut failed: Vec<_> =
        results.iter().enumerate().filter(|(_, result)| !result.success).collect();
    failed.sort_by_key(|(at, result)| (std::cmp::Reverse(result.severity()), *at));
    failed
}

fn failures(results: &[ExpectationResult]) -> Html {
    numbered(results).iter().map(|(at, result)| expectation::failure(result, *at)).collect()
}

fn trends(name: &str, compared: Option<&Compared>, runs: &[Entry]) -> Html {
    let mut figures = Html::default();
    if let Some(compared) = compared.filter(|compared| !compared.before.is_empty()) {
        let runs = compared.before.iter().chain([&compared.present]);
        let points: Vec<(String, f64, String)> =
            runs.map(|run| (day(run.run.run_date), run.rows as f64, thousands(run.rows))).collect();
        let words = format!("Rows of the latest {} runs", points.len());
        figures.push(columns_chart("trend-rows", &words, points));
    }
    let of_suite = runs
        .iter()
        .filter_map(|run| Some((run, run.suites.iter().find(|suite| suite.name == name)?)));
    let points: Vec<(String, f64, String)> = of_suite
        .map(|(run, suite)| (day(run.run.run_date), suite.share() * 100.0, met(suite)))
        .collect();
    if points.len() > 1 {
        let words = format!("Expectations met, in percent, of the latest {} runs", points.len());
        figures.push(columns_chart("trend-met", &words, points));
    }
    if figures.is_empty() {
        return Html::default();
    }
    html!("<div class=\"side\">{}</div>\n", figures)
}

fn met(suite: &SuiteFigures) -> String {
    format!("{}/{}", suite.met, suite.total)
}

/// Day and month of a run, for an axis.
pub fn day(date: chrono::NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

/// Columns over runs: label, value, and the value as it is written.
fn columns_chart(id: &str, words: &str, points: Vec<(String, f64, String)>) -> Html {
    let description: Vec<String> =
        points.iter().map(|(label, _, shown)| format!("{label}: {shown}")).collect();
    let mut points: Vec<Point> = points
        .into_iter()
        .map(|(label, value, shown)| Point { label, value, shown, tone: chart::Tone::Plain })
        .collect();
    // Runs of one day share a label.
    for at in (1..points.len()).rev() {
        if points[at].label == points[at - 1].label {
            points[at].label.clear();
        }
    }
    let caption = Caption { id, title: words, description: &description.join("; ") };
    html!(
        "<figure class=\"card\"><figcaption>{}</figcaption>{}</figure>\n",
        words,
        chart::trend(&points, &caption)
    )
}

/// A card per column, and one for what is expected of the table as a whole.
fn columns(evidence: &Evidence<'_>, outcome: &Outcome) -> Html {
    let compared = evidence.compared(outcome);
    let results = &outcome.result.results;
    let profiled = outcome.profile.iter().flat_map(|profile| &profile.columns);
    let mut names: Vec<&str> = profiled.map(|column| column.name.as_str()).collect();
    for name in results.iter().filter_map(expectation::column) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let lines = |of: Option<&str>| -> Html {
        let of_column = results.iter().enumerate();
        of_column
            .filter(|(_, result)| expectation::column(result) == of)
            .map(|(at, result)| expectation::line(result, (!result.success).then_some(at)))
            .collect()
    };
    let mut cards = chips(&names, results);
    let of_table = lines(None);
    if !of_table.is_empty() {
        let list = html!("<ul class=\"rules\">{}</ul>\n", of_table);
        cards.push(card(
            "the-table",
            &html!("The table"),
            &Html::default(),
            &list,
            &Html::default(),
        ));
    }
    for name in names {
        let id = format!("column-{}", slug(name));
        let definition = outcome.dataset.and_then(|dataset| {
            let column = dataset.columns().iter().find(|column| column.name == name)?;
            Some((column, evidence.privacy.decide(dataset, column).class))
        });
        let profile = outcome.profile.as_ref();
        let column =
            profile.and_then(|profile| profile.columns.iter().find(|column| column.name == name));
        let kind = column.map_or("", |column| column.kind.as_str());
        let list = match lines(Some(name)) {
            lines if lines.is_empty() => {
                html!("<p class=\"quiet\">Nothing is expected of it.</p>\n")
            }
            lines => html!("<ul class=\"rules\">{}</ul>\n", lines),
        };
        let figures = match (column, profile) {
            (Some(column), Some(profile)) => {
                profile::figures(column, profile.rows, &format!("{id}-chart"), compared)
            }
            _ => Html::default(),
        };
        cards.push(card(
            &id,
            &html!("<code>{}</code>", name),
            &about(kind, definition),
            &list,
            &figures,
        ));
    }
    cards
}

/// The way to each column, with how it stands.
fn chips(names: &[&str], results: &[ExpectationResult]) -> Html {
    let items: Html = names
        .iter()
        .map(|name| {
            let failed = results
                .iter()
                .filter(|result| !result.success && expectation::column(result) == Some(name));
            let worst = failed.max_by_key(|result| result.severity());
            let (class, words) = match worst.map(expectation::tone) {
                None => ("chip", ""),
                Some(Tone::Bad) => ("chip bad", ", not met"),
                Some(Tone::Warning) => ("chip warn", ", not met"),
                Some(_) => ("chip info", ", not met"),
            };
            html!(
                "<li><a class=\"{}\" href=\"#column-{}\">{}{}</a></li>",
                class,
                slug(name),
                name,
                words
            )
        })
        .collect();
    html!("<nav aria-label=\"Columns of the table\"><ul class=\"chips\">{}</ul></nav>\n", items)
}

/// Type, meaning and who may see the values.
fn about(kind: &str, definition: Option<(&Column, Class)>) -> Html {
    let mut parts: Vec<Html> = Vec::new();
    if !kind.is_empty() {
        parts.push(html!("{}", kind));
    }
    if let Some((column, class)) = definition {
        parts.push(html!("{}", column.description));
        parts.push(html!("<span class=\"private\">{}</span>", class.name()));
    }
    let mut text = Html::default();
    for (number, part) in parts.into_iter().enumerate() {
        text.push(if number == 0 { part } else { html!(" · {}", part) });
    }
    if text.is_empty() { text } else { html!("<p class=\"quiet\">{}</p>\n", text) }
}

fn card(id: &str, heading: &Html, about: &Html, list: &Html, figures: &Html) -> Html {
    html!(
        "<article class=\"card column\" aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{heading}</h3>\n{about}\
         <div class=\"halves\"><div>{list}</div><div>{figures}</div></div></article>\n";
        id = id, heading = heading, about = about, list = list, figures = figures
    )
}

fn rows(outcome: &Outcome) -> Html {
    let Sample { columns, rows } = &outcome.sample;
    let Some((first, others)) = columns.split_first() else { return Html::default() };
    if rows.is_empty() {
        return Html::default();
    }
    let heads: Vec<(&str, bool)> =
        [first].into_iter().chain(others).map(|name| (name.as_str(), false)).collect();
    let shown = |cell: &Cell| match cell {
        Cell::Value(text) => cells::text(text),
        Cell::Missing => cells::missing(),
        Cell::Hidden => cells::hidden(),
    };
    let body: Html = rows
        .iter()
        .map(|row| {
            let mut cells = row.iter().map(shown);
            let name = cells.next().unwrap_or_default();
            let rest: Vec<Html> = cells.map(|cell| shell::cell(&cell)).collect();
            shell::row(&name, &rest)
        })
        .collect();
    let columns =
        if outcome.dataset.is_some() { "" } else { ", the columns that the suite looks at" };
    html!(
        "<p class=\"quiet\">{} from the beginning of the table{}; personal values are hidden.</p>\n{}",
        cells::counted(rows.len() as u64, "row", "rows"),
        columns,
        shell::table(&format!("Rows of {}", outcome.suite), &heads, &body)
    )
}

fn files(run_id: &str, outcome: &Outcome) -> Html {
    let link = |key: &str, words: &str| {
        let address: Vec<String> = key.split('/').map(shell::part).collect();
        html!("<li><a href=\"{}{}\">{}</a></li>", BUCKET, address.join("/"), words)
    };
    let mut list = link(
        &keys::expectations(run_id, outcome.suite),
        "Result of the suite, in the shape of Great Expectations (JSON)",
    );
    if outcome.profile.is_some() {
        list.push(link(&keys::profile(run_id, outcome.suite), "Profile of the rows (JSON)"));
    }
    html!("<ul>{}</ul>\n", list)
}
