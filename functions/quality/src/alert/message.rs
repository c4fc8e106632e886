//! What people read.

use std::fmt::Write;

use super::owners::Owners;
use super::standing::{Changes, News, Recovery};
use crate::report::Report;

/// SNS takes subjects of up to 100 ASCII characters.
const SUBJECT_LIMIT: usize = 100;
/// Failures that are described one by one; SNS takes 256 KiB, people take less.
const DESCRIBED: usize = 25;
/// Files that are named.
const FILES: usize = 5;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Alert,
    Recovery,
}

impl Kind {
    /// As the attribute of the message has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Alert => "alert",
            Kind::Recovery => "recovery",
        }
    }
}

/// Where to read on.
#[derive(Debug, Clone)]
pub struct Links {
    /// The report in the bucket.
    pub report: String,
    /// The data docs of the run, where their address is configured.
    pub docs: Option<String>,
}

pub(super) fn headline(kind: Kind, report: &Report) -> &'static str {
    match kind {
        Kind::Recovery => "quality recovered",
        Kind::Alert if report.gate_passed => "quality warning",
        Kind::Alert => "quality gate closed",
    }
}

pub(super) fn subject(kind: Kind, report: &Report) -> String {
    let subject = format!("ShopFlow {}: {}", headline(kind, report), report.run.run_id);
    let printable = subject.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    printable.take(SUBJECT_LIMIT).collect()
}

/// What fails, how much, since when and whose it is.
pub(super) fn alert(report: &Report, changes: &Changes, owners: &Owners, links: &Links) -> String {
    let consequence =
        if report.gate_passed { "The run is published." } else { "The run is not published." };
    let mut text = start(Kind::Alert, report, consequence);
    for news in changes.news.iter().take(DESCRIBED) {
        describe(&mut text, news, owners);
    }
    // Writing to a string cannot fail.
    if changes.news.len() > DESCRIBED {
        let _ = writeln!(text, "\nand {} more, see the report", changes.news.len() - DESCRIBED);
    }
    if changes.lasting > 0 {
        let lasting = match changes.lasting {
            1 => "1 other check still fails".to_owned(),
            lasting => format!("{lasting} other checks still fail"),
        };
        let _ = writeln!(text, "\n{lasting} as told before");
    }
    end(text, links)
}

/// What is over, and how long it took.
pub(super) fn recovery(
    report: &Report,
    changes: &Changes,
    owners: &Owners,
    links: &Links,
) -> String {
    let still = changes.news.len() + changes.lasting;
    let rest = match still {
        0 => "Nothing else fails.".to_owned(),
        1 => "1 other check fails.".to_owned(),
        _ => format!("{still} other checks fail."),
    };
    let mut text = start(Kind::Recovery, report, &rest);
    for Recovery { check, failure } in changes.recovered.iter().take(DESCRIBED) {
        let _ = write!(
            text,
            "\n{check} (was {})\n  owner:    {}\n  failed:   {}\n",
            failure.severity.name(),
            owners.of(check),
            since(&failure.since, &failure.since_run, failure.runs),
        );
    }
    if changes.recovered.len() > DESCRIBED {
        let _ = writeln!(text, "\nand {} more", changes.recovered.len() - DESCRIBED);
    }
    end(text, links)
}

fn start(kind: Kind, report: &Report, consequence: &str) -> String {
    let run = &report.run;
    format!(
        "ShopFlow {}\n\nRun {} of {}: {} of {} checks failed, score {} of 100. {consequence}\n{}",
        headline(kind, report),
        run.run_id,
        run.run_date,
        report.checks_failed,
        report.checks_total,
        report.score,
        files(report),
    )
}

/// The files that the run brought, as a line; nothing when it brought none.
fn files(report: &Report) -> String {
    let (named, others) = report.files.split_at(FILES.min(report.files.len()));
    match (named.is_empty(), others.len()) {
        (true, _) => String::new(),
        (false, 0) => format!("Files: {}\n", named.join(", ")),
        (false, more) => format!("Files: {} and {more} more\n", named.join(", ")),
    }
}

fn describe(text: &mut String, News { check, failure }: &News, owners: &Owners) {
    let _ = write!(
        text,
        "\n{} ({})\n  owner:    {}\n  expected: {}\n  actual:   {}\n  since:    {}\n",
        check.name,
        check.severity.name(),
        owners.of(&check.name),
        check.expected,
        check.actual,
        since(&failure.since, &failure.since_run, failure.runs),
    );
    if let Some(detail) = &check.detail {
        let _ = writeln!(text, "  detail:   {detail}");
    }
}

fn since(moment: &chrono::DateTime<chrono::Utc>, run: &str, runs: u64) -> String {
    let moment = moment.format("%Y-%m-%d %H:%M UTC");
    match runs {
        1 => format!("{moment}, run {run}"),
        _ => format!("{moment}, run {run}, {runs} runs"),
    }
}

fn end(mut text: String, links: &Links) -> String {
    let _ = write!(text, "\nReport: {}\n", links.report);
    if let Some(docs) = &links.docs {
        let _ = writeln!(text, "Data docs: {docs}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::standing::Standing;
    use crate::checks::{Check, Layer};
    use chrono::{DateTime, NaiveDate, TimeDelta};
    use shopflow_core::contract::Run;

    fn report(run_id: &str, checks: Vec<Check>) -> Report {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        Report::new(&Run { run_id: run_id.to_owned(), run_date }, checks)
    }

    fn links() -> Links {
        Links {
            report: "s3://reports/quality/run_id=nightly/report.json".to_owned(),
            docs: Some("https://docs.example.com/docs/run_id=nightly/index.html".to_owned()),
        }
    }

    fn owners() -> Owners {
        let owners = [("default", "data engineering"), ("products", "assortment")];
        Owners::new(owners.map(|(part, owner)| (part.to_owned(), owner.to_owned())).into())
    }

    #[test]
    fn an_alert_says_what_failed_how_much_since_when_whose_it_is_and_where_to_read_on() {
        let checks = || {
            vec![
                Check::equal(Layer::Core, "core.products.id_not_null", 0, 0),
                Check::equal(Layer::Warehouse, "warehouse.fact_sales.rows", 5000, 4998)
                    .detail("differs on 2026-01-02"),
                Check::equal(Layer::Core, "core.products.none_inferred", 0, 3).warning(),
            ]
        };
        let mut standing = Standing::default();
        let start = DateTime::UNIX_EPOCH;
        let first = report("first", checks().split_off(2));
        standing.update(&first, start, TimeDelta::hours(1));
        let report = report("nightly", checks());
        let changes = standing.update(&report, start + TimeDelta::hours(2), TimeDelta::hours(1));
        assert_eq!(subject(Kind::Alert, &report), "ShopFlow quality gate closed: nightly");
        assert_eq!(
            alert(&report, &changes, &owners(), &links()),
            "ShopFlow quality gate closed\n\n\
             Run nightly of 2026-01-15: 2 of 3 checks failed, score 42.85 of 100. \
             The run is not published.\n\n\
             warehouse.fact_sales.rows (critical)\n  \
             owner:    data engineering\n  \
             expected: 5000\n  \
             actual:   4998\n  \
             since:    1970-01-01 02:00 UTC, run nightly\n  \
             detail:   differs on 2026-01-02\n\n\
             core.products.none_inferred (warning)\n  \
             owner:    assortment\n  \
             expected: 0\n  \
             actual:   3\n  \
             since:    1970-01-01 00:00 UTC, run first, 2 runs\n\n\
             Report: s3://reports/quality/run_id=nightly/report.json\n\
             Data docs: https://docs.example.com/docs/run_id=nightly/index.html\n"
        );
    }

    #[test]
    fn the_files_of_the_run_are_named_as_far_as_they_are_few() {
        let of = |count: usize| {
            let keys = (0..count).map(|n| format!("incoming/products/{n}.csv"));
            files(&report("nightly", Vec::new()).about(keys.collect()))
        };
        assert_eq!(of(0), "");
        assert_eq!(of(2), "Files: incoming/products/0.csv, incoming/products/1.csv\n");
        assert!(of(7).ends_with("incoming/products/4.csv and 2 more\n"), "{}", of(7));
    }

    #[test]
    fn a_recovery_says_what_is_over_and_what_is_not() {
        let mut standing = Standing::default();
        let day = TimeDelta::hours(24);
        let rows = |actual| Check::equal(Layer::Warehouse, "warehouse.fact_sales.rows", 4, actual);
        let other = || Check::equal(Layer::Core, "core.products.none_inferred", 0, 3).warning();
        standing.update(&report("a", vec![rows(3), other()]), DateTime::UNIX_EPOCH, day);
        let report = report("b", vec![rows(4), other()]);
        let changes = standing.update(&report, DateTime::UNIX_EPOCH, day);
        assert_eq!(subject(Kind::Recovery, &report), "ShopFlow quality recovered: b");
        assert_eq!(
            recovery(&report, &changes, &owners(), &Links { docs: None, ..links() }),
            "ShopFlow quality recovered\n\n\
             Run b of 2026-01-15: 1 of 2 checks failed, score 75 of 100. \
             1 other check fails.\n\n\
             warehouse.fact_sales.rows (was critical)\n  \
             owner:    data engineering\n  \
             failed:   1970-01-01 00:00 UTC, run a\n\n\
             Report: s3://reports/quality/run_id=nightly/report.json\n"
        );
    }

    #[test]
    fn warnings_alone_are_no_closed_gate() {
        let check = Check::equal(Layer::Core, "core.products.none_inferred", 0, 3).warning();
        let report = report("nightly", vec![check]);
        assert_eq!(subject(Kind::Alert, &report), "ShopFlow quality warning: nightly");
        let text = alert(&report, &Changes::default(), &owners(), &links());
        assert!(text.contains("The run is published."));
    }

    #[test]
    fn subjects_are_short_ascii_without_line_breaks() {
        let report = report(&format!("ü\n{}", "x".repeat(200)), Vec::new());
        let subject = subject(Kind::Alert, &report);
        assert_eq!(subject.len(), SUBJECT_LIMIT);
        assert!(subject.chars().all(|c| c.is_ascii_graphic() || c == ' '));
    }
}
