//! The first page of a run: may it be published, what failed, where its rows went.

use shopflow_core::keys;
use shopflow_page::number::thousands;
use shopflow_page::{Html, html};

use super::cells;
use super::evidence::Evidence;
use super::runs::{Entry, SuiteFigures};
use super::shell::{
    self, Shell, Tone, badge, cell, number_cell, row, section, table, totals, verdict,
};
use crate::checks::{Check, Layer, Severity};

/// Checks that compare a run with those before it.
const ANOMALY: &str = "anomaly.";

/// The page; `runs` are the run and those before it.
pub fn page(evidence: &Evidence<'_>, runs: &[Entry]) -> String {
    let report = evidence.report;
    let run_id = evidence.run_id();
    let mut body = gate(evidence);
    body.push(figures(evidence));
    body.push(section("What failed", &failures(evidence)));
    body.push(section("Suites", &suites(evidence)));
    body.push(section("Where the rows went", &ledger(evidence)));
    body.push(section("Beside earlier runs", &anomalies(evidence)));
    body.push(section("All checks", &checks(&report.checks)));
    body.push(section("More", &more(run_id, runs)));
    Shell {
        title: &format!("Run {run_id}"),
        heading: html!("Run <code>{}</code>", run_id),
        basis: html!("Run date {}.", date(report.run.run_date)),
        way: &[("Data docs", "../index.html")],
        here: run_id,
    }
    .around(&body)
}

/// `15 January 2026`.
pub fn date(date: chrono::NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

/// Whether the gate is open, and how bad what failed is.
pub fn tone(gate_passed: bool, failed: u64) -> Tone {
    match (gate_passed, failed) {
        (false, _) => Tone::Bad,
        (true, 0) => Tone::Good,
        (true, _) => Tone::Warning,
    }
}

fn gate(evidence: &Evidence<'_>) -> Html {
    let report = evidence.report;
    let (failed, all) = (report.checks_failed, report.checks_total);
    let critical = report.failed().filter(|check| check.severity == Severity::Critical).count();
    let words = match (report.gate_passed, failed) {
        (true, 0) => html!("The gate is open: all {} checks passed.", all),
        (true, _) => {
            html!("The gate is open: {} of {} checks failed, none of them critical.", failed, all)
        }
        (false, _) => html!(
            "The gate is closed: {} of {} checks failed, {} of them critical. The run is not \
             published.",
            failed,
            all,
            critical
        ),
    };
    verdict(tone(report.gate_passed, failed), &words)
}

fn figures(evidence: &Evidence<'_>) -> Html {
    let report = evidence.report;
    let statistics = evidence.outcomes.iter().map(|outcome| &outcome.result.statistics);
    let (met, all) = statistics.fold((0, 0), |(met, all), of| {
        (met + of.successful_expectations, all + of.evaluated_expectations)
    });
    let first = evidence.ledger.iter().map(|entry| entry.stage).min_by_key(|stage| *stage as u8);
    let of_first = evidence.ledger.iter().filter(|entry| Some(entry.stage) == first);
    let rows: u64 = of_first.map(|entry| entry.rows_in).sum();
    let refused: u64 = evidence.ledger.iter().map(|entry| entry.rows_quarantined).sum();
    let passed = report.checks_total - report.checks_failed;
    let mut items = vec![
        ("Score, of 100", html!("{}", cells::score(report.score))),
        ("Checks passed", html!("{} <small>of {}</small>", passed, report.checks_total)),
    ];
    if all > 0 {
        items.push(("Expectations met", html!("{} <small>of {}</small>", met, all)));
    }
    if first.is_some() {
        items.push(("Rows in", html!("{}", thousands(rows))));
        items.push(("Rows in quarantine", html!("{}", thousands(refused))));
    }
    totals(&items)
}

fn failures(evidence: &Evidence<'_>) -> Html {
    let mut failed: Vec<&Check> = evidence.report.failed().collect();
    // Critical ones first, each kind in the order of the report.
    failed.sort_by_key(|check| check.severity != Severity::Critical);
    failed.into_iter().map(|check| failure(evidence, check)).collect()
}

fn failure(evidence: &Evidence<'_>, check: &Check) -> Html {
    let suite = check.name.strip_prefix("expectations.");
    let known = evidence.outcomes.iter().find(|outcome| Some(outcome.suite) == suite);
    let link = known.map_or_else(Html::default, |outcome| {
        html!(
            "<p><a href=\"{}.html\">The suite {} in detail</a></p>\n",
            outcome.suite,
            outcome.suite
        )
    });
    let tone = severity(check.severity);
    let note = check.detail.as_ref().map_or_else(Html::default, |detail| {
        html!("<div class=\"note\"><dt>Note</dt><dd>{}</dd></div>", detail)
    });
    html!(
        "<article class=\"card failure {}\">\n<h3>{} {}</h3>\n\
         <dl class=\"facts\"><div><dt>Expected</dt><dd>{}</dd></div>\
         <div><dt>Found</dt><dd>{}</dd></div>{}</dl>\n{}</article>\n",
        if tone == Tone::Bad { "bad" } else { "warn" },
        badge(tone, check.severity.name()),
        breakable(&check.name),
        check.expected,
        check.actual,
        note,
        link
    )
}

fn severity(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warning,
    }
}

/// A dotted name that may break after its dots.
fn breakable(name: &str) -> Html {
    let parts: Vec<&str> = name.split('.').collect();
    let mut text = Html::default();
    for (number, part) in parts.iter().enumerate() {
        text.push(if number == 0 { html!("{}", part) } else { html!(".<wbr>{}", part) });
    }
    html!("<code>{}</code>", text)
}

fn suites(evidence: &Evidence<'_>) -> Html {
    if evidence.outcomes.is_empty() {
        return html!("<p class=\"quiet\">The run brought no files, so no suite ran.</p>\n");
    }
    let rows: Html = evidence
        .outcomes
        .iter()
        .map(|outcome| {
            let figures = SuiteFigures::new(outcome);
            let link = html!("<a href=\"{}.html\">{}</a>", outcome.suite, outcome.suite);
            let cells = [
                cell(&html!("{}", if figures.of_run { "rows of the run" } else { "gold table" })),
                cell(&standing(outcome.result.worst_failure())),
                number_cell(&format!("{} of {}", figures.met, figures.total)),
                number_cell(&thousands(figures.rows)),
            ];
            row(&link, &cells)
        })
        .collect();
    let heads =
        [("Suite", false), ("Over", false), ("Result", false), ("Met", true), ("Rows", true)];
    table("Suites of the run", &heads, &rows)
}

fn standing(worst: Option<shopflow_expectations::Severity>) -> Html {
    use shopflow_expectations::Severity;
    match worst {
        None => badge(Tone::Good, "met"),
        Some(Severity::Critical) => badge(Tone::Bad, "critical failure"),
        Some(Severity::Warning) => badge(Tone::Warning, "warning"),
        Some(Severity::Info) => badge(Tone::Quiet, "for information"),
    }
}

fn ledger(evidence: &Evidence<'_>) -> Html {
    if evidence.ledger.is_empty() {
        return html!("<p class=\"quiet\">The run has no ledger.</p>\n");
    }
    let has_replaced = evidence.ledger.iter().any(|entry| entry.rows_replaced > 0);
    let rows: Html = evidence
        .ledger
        .iter()
        .map(|entry| {
            let balance = match entry.is_balanced() {
                true => badge(Tone::Good, "balanced"),
                false => badge(Tone::Bad, "not balanced"),
            };
            let numbers =
                [entry.rows_in, entry.rows_loaded, entry.rows_quarantined, entry.rows_unchanged];
            let mut cells = vec![cell(&html!("{}", entry.dataset.name()))];
            let replaced = has_replaced.then_some(entry.rows_replaced);
            let all = numbers.into_iter().chain(replaced);
            cells.extend(all.map(|number| number_cell(&thousands(number))));
            cells.push(cell(&balance));
            row(&html!("{}", entry.stage.name()), &cells)
        })
        .collect();
    let mut heads = vec![
        ("Stage", false),
        ("Dataset", false),
        ("Rows in", true),
        ("Passed on", true),
        ("Quarantined", true),
        ("Unchanged", true),
    ];
    if has_replaced {
        heads.push(("Of these replaced", true));
    }
    heads.push(("Balance", false));
    table("Ledger: rows in = passed on + quarantined + unchanged", &heads, &rows)
}

fn result(check: &Check) -> Html {
    match (check.passed, check.severity) {
        (true, _) => badge(Tone::Good, "passed"),
        (false, Severity::Critical) => badge(Tone::Bad, "critical"),
        (false, Severity::Warning) => badge(Tone::Warning, "warning"),
    }
}

fn anomalies(evidence: &Evidence<'_>) -> Html {
    let checks = evidence.report.checks.iter();
    let compared: Vec<&Check> = checks.filter(|check| check.name.starts_with(ANOMALY)).collect();
    let too_few = html!(
        "<p class=\"quiet\">There are not enough earlier runs yet to say what is unusual.</p>\n"
    );
    if compared.is_empty() {
        return too_few;
    }
    // Personal data is looked for in the first run as well.
    let is_first = compared.iter().all(|check| check.name.ends_with(".personal_data"));
    let note = if is_first { too_few } else { Html::default() };
    html!("{}{}", note, table_of_checks("Figures and where they are expected", &compared))
}

fn table_of_checks(caption: &str, checks: &[&Check]) -> Html {
    let rows: Html = checks
        .iter()
        .map(|check| {
            let detail = check.detail.as_deref().unwrap_or_default();
            let cells = [
                cell(&result(check)),
                cell(&html!("{}", check.expected)),
                cell(&html!("{}", check.actual)),
                html!("<td class=\"quiet long\">{}</td>", detail),
            ];
            row(&breakable(&check.name), &cells)
        })
        .collect();
    let heads = [
        ("Check", false),
        ("Result", false),
        ("Expected", false),
        ("Found", false),
        ("Note", false),
    ];
    table(caption, &heads, &rows)
}

/// Every check that is not shown above, layer by layer.
fn checks(checks: &[Check]) -> Html {
    let layers = [
        (Layer::Ledger, "Ledger"),
        (Layer::Core, "Postgres: core"),
        (Layer::Warehouse, "Postgres: warehouse"),
        (Layer::Lake, "Lake"),
        (Layer::Stream, "Stream"),
    ];
    layers
        .iter()
        .map(|(layer, name)| {
            let of_layer: Vec<&Check> = checks
                .iter()
                .filter(|check| check.layer == *layer && !check.name.starts_with(ANOMALY))
                .collect();
            if of_layer.is_empty() {
                return Html::default();
            }
            let passed = of_layer.iter().filter(|check| check.passed).count();
            html!(
                "<details><summary>{} <span class=\"quiet\">{} of {} passed</span></summary>\n{}</details>\n",
                name,
                passed,
                of_layer.len(),
                table_of_checks(&format!("Checks, {name}"), &of_layer)
            )
        })
        .collect()
}

fn more(run_id: &str, runs: &[Entry]) -> Html {
    let key = keys::quality_report(run_id);
    let report: Vec<String> = key.split('/').map(shell::part).collect();
    let mut list = html!(
        "<li><a href=\"lineage.html\">Lineage: where every table comes from</a></li>\
         <li><a href=\"../../{}\">The report (JSON)</a></li>",
        report.join("/")
    );
    if let [.., previous, _] = runs {
        let previous = &previous.run;
        list.push(html!(
            "<li><a href=\"../{}/index.html\">The run before, <code>{}</code></a></li>",
            shell::part(&format!("run_id={}", previous.run_id)),
            previous.run_id
        ));
    }
    html!("<ul>{}</ul>\n", list)
}
