//! Telling people that checks failed.

use std::fmt::Write;

use aws_sdk_sns::Client;
use shopflow_core::{Error, ErrorKind, Result};

use crate::report::Report;

/// SNS takes subjects of up to 100 ASCII characters.
const SUBJECT_LIMIT: usize = 100;

/// The topic alerts go to.
#[derive(Debug, Clone)]
pub struct Alerts {
    client: Client,
    topic_arn: String,
}

impl Alerts {
    /// Alerts to the topic with this ARN.
    pub fn new(aws: &aws_config::SdkConfig, topic_arn: &str) -> Self {
        Alerts { client: Client::new(aws), topic_arn: topic_arn.to_owned() }
    }

    /// Publishes what failed in the report that lies at `location`.
    ///
    /// # Errors
    /// `Transient.Service`, or `Internal` when SNS refuses the request.
    pub async fn publish(&self, report: &Report, location: &str) -> Result<()> {
        self.client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(subject(report))
            .message(message(report, location))
            .send()
            .await
            .map_err(|error| {
                Error::aws(ErrorKind::TransientService, "publish alert", error)
                    .with("topic", &self.topic_arn)
            })?;
        tracing::info!(topic = self.topic_arn, "alert published");
        Ok(())
    }
}

fn headline(report: &Report) -> &'static str {
    if report.gate_passed { "quality warning" } else { "quality gate closed" }
}

fn subject(report: &Report) -> String {
    let subject = format!("ShopFlow {}: {}", headline(report), report.run.run_id);
    let printable = subject.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    printable.take(SUBJECT_LIMIT).collect()
}

fn message(report: &Report, location: &str) -> String {
    let run = &report.run;
    let consequence =
        if report.gate_passed { "The run is published." } else { "The run is not published." };
    let mut text = format!(
        "ShopFlow {}\n\nRun {} of {}: {} of {} checks failed, score {} of 100. {consequence}\n",
        headline(report),
        run.run_id,
        run.run_date,
        report.checks_failed,
        report.checks_total,
        report.score,
    );
    for check in report.failed() {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{} ({})\n  expected: {}\n  actual:   {}\n",
            check.name,
            check.severity.name(),
            check.expected,
            check.actual
        );
        if let Some(detail) = &check.detail {
            let _ = writeln!(text, "  detail:   {detail}");
        }
    }
    let _ = write!(text, "\nReport: {location}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Check, Layer};
    use chrono::NaiveDate;
    use shopflow_core::contract::Run;

    fn report(run_id: &str, checks: Vec<Check>) -> Report {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        Report::new(&Run { run_id: run_id.to_owned(), run_date }, checks)
    }

    #[test]
    fn an_alert_says_what_failed_and_where_to_read_on() {
        let checks = vec![
            Check::equal(Layer::Core, "core.products.id_not_null", 0, 0),
            Check::equal(Layer::Warehouse, "warehouse.fact_sales.rows", 5000, 4998)
                .detail("differs on 2026-01-02"),
            Check::equal(Layer::Core, "core.products.none_inferred", 0, 3).warning(),
        ];
        let report = report("nightly", checks);
        assert_eq!(subject(&report), "ShopFlow quality gate closed: nightly");
        assert_eq!(
            message(&report, "s3://reports/quality/run_id=nightly/report.json"),
            "ShopFlow quality gate closed\n\n\
             Run nightly of 2026-01-15: 2 of 3 checks failed, score 42.85 of 100. \
             The run is not published.\n\n\
             warehouse.fact_sales.rows (critical)\n  \
             expected: 5000\n  \
             actual:   4998\n  \
             detail:   differs on 2026-01-02\n\n\
             core.products.none_inferred (warning)\n  \
             expected: 0\n  \
             actual:   3\n\n\
             Report: s3://reports/quality/run_id=nightly/report.json\n"
        );
    }

    #[test]
    fn warnings_alone_are_no_closed_gate() {
        let check = Check::equal(Layer::Core, "core.products.none_inferred", 0, 3).warning();
        let report = report("nightly", vec![check]);
        assert_eq!(subject(&report), "ShopFlow quality warning: nightly");
        assert!(message(&report, "").contains("The run is published."));
    }

    #[test]
    fn subjects_are_short_ascii_without_line_breaks() {
        let subject = subject(&report(&format!("ü\n{}", "x".repeat(200)), Vec::new()));
        assert_eq!(subject.len(), SUBJECT_LIMIT);
        assert!(subject.chars().all(|c| c.is_ascii_graphic() || c == ' '));
    }
}
