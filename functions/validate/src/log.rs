//! The log people read: `validation.log` in the log folder on a laptop, the function's log group
//! on AWS.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use shopflow_core::{ErrorKind, Result, ResultExt};

use crate::quarantine::Finding;
use crate::report::Report;

/// One line per finding and one for the file.
pub fn lines(report: &Report, findings: &[Finding], now: DateTime<Utc>) -> String {
    let time = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let place = format!("{time} {} {}", report.dataset, printable(&report.source.key));
    let mut text = String::new();
    for finding in findings {
        let _ = write!(text, "{place} line {}", finding.line);
        if !finding.column.is_empty() {
            let _ = write!(text, " column {}", finding.column);
        }
        let _ = write!(text, " rule {}", finding.rule.name());
        if !finding.value.is_empty() {
            let _ = write!(text, " value '{}'", printable(&finding.value));
        }
        let _ = writeln!(text, ": {}", printable(&finding.reason));
    }
    let unlisted = report.rows_quarantined - (findings.len() as u64).min(report.rows_quarantined);
    if unlisted > 0 {
        let _ = writeln!(text, "{place} {unlisted} more refused rows are only in quarantine");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "{place} warning: {}", printable(warning));
    }
    let verdict = match &report.rejection {
        None => "accepted".to_owned(),
        Some(rejection) => format!("not accepted: {}", printable(rejection)),
    };
    let _ = writeln!(
        text,
        "{place} {} rows: {} good, {} quarantined ({:.2} %), {verdict}",
        report.rows_in,
        report.rows_good,
        report.rows_quarantined,
        report.reject_rate * 100.0,
    );
    text
}

/// Keeps a value on its line.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let escape = character.is_control();
            let escaped = escape.then(|| character.escape_default()).into_iter().flatten();
            escaped.chain((!escape).then_some(character))
        })
        .collect()
}

/// Appends to `<folder>/validation.log` in one write, so that files validated at the same time
/// do not mix their lines.
///
/// # Errors
/// `Internal` when the file cannot be written.
pub fn append(folder: &str, text: &str) -> Result<()> {
    let path = Path::new(folder).join("validation.log");
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(text.as_bytes())
    });
    written
        .or_error(ErrorKind::Internal, "append to validation log failed")
        .map_err(|error| error.with("path", path.display()))
}

/// The same as structured events: the samples, then the totals.
pub fn trace(report: &Report) {
    let dataset = report.dataset.name();
    let key = report.source.key.as_str();
    for sample in &report.samples {
        tracing::info!(
            dataset,
            key,
            line = sample.line,
            column = sample.column,
            rule = sample.rule.name(),
            value = sample.value.as_str(),
            reason = sample.reason.as_str(),
            "row refused"
        );
    }
    let failures: serde_json::Map<String, serde_json::Value> = report
        .failures
        .iter()
        .map(|count| (format!("{}.{}", count.column, count.rule.name()), count.rows.into()))
        .collect();
    tracing::info!(
        dataset,
        key,
        version_id = report.source.version_id.as_str(),
        bytes = report.source.bytes,
        rows_in = report.rows_in,
        rows_good = report.rows_good,
        rows_quarantined = report.rows_quarantined,
        reject_rate = report.reject_rate,
        accepted = report.accepted,
        rejection = report.rejection.as_deref().unwrap_or(""),
        failures = %serde_json::Value::Object(failures),
        warnings = report.warnings.join("; "),
        "file validated"
    );
}
