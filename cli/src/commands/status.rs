//! `status`: the recent runs, or one of them.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_page::number::thousands;

use crate::args::Status;
use crate::brought::{Brought, shown_key};
use crate::console::{on_one_line, seconds};
use crate::execution::{self, Execution, Listed};
use crate::release::invocation;
use crate::summary::RunReport;
use crate::table::Table;
use crate::target::Target;
use crate::unwatched::{self, Unwatched};

/// Files astray that are listed one by one.
const STRAYS: usize = 10;

/// Lists the recent runs and backfills, or shows one run with its stages.
pub async fn status(arguments: &Status) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    match &arguments.run_id {
        Some(run_id) => one(&target, run_id).await,
        None => list(&target, i32::from(arguments.limit)).await,
    }
}

async fn list(target: &Target, limit: i32) -> Result<ExitCode> {
    let sfn = target.sfn();
    let (pipeline, backfill) = (target.stack.pipeline()?, target.stack.backfill()?);
    let runs = execution::recent(&sfn, pipeline, limit).await?;
    let runs = execution::with_inputs(&sfn, pipeline, runs).await?;
    let backfills = execution::recent(&sfn, backfill, limit).await?;
    let backfills = execution::with_inputs(&sfn, backfill, backfills).await?;
    let strays = unwatched::find(&target.storage(), target.stack.landing()?, STRAYS).await;
    print!("{}", overview(&runs, &backfills, &strays));
    Ok(ExitCode::SUCCESS)
}

/// Everything that could be seen, and what could not: not everybody may list the landing bucket.
fn overview(runs: &[Listed], backfills: &[Listed], strays: &Result<Unwatched>) -> String {
    let mut text = match runs.is_empty() && backfills.is_empty() {
        true => format!("There are no runs yet; `{} run` starts one.\n", invocation()),
        false => table(runs).render(),
    };
    if !backfills.is_empty() {
        text.push_str(&format!("\nBackfills\n{}", table(backfills).render()));
    }
    match strays {
        Ok(strays) => text.push_str(&astray(strays)),
        Err(error) => text.push_str(&format!(
            "\nFiles that no run takes could not be looked for: {}\n\
             (the login needs s3:ListBucket on the landing bucket)\n",
            on_one_line(&error.to_string())
        )),
    }
    text
}

/// Files that lie where no run looks, and where they should lie.
fn astray(found: &Unwatched) -> String {
    if found.files.is_empty() && found.is_complete {
        return String::new();
    }
    let mut text =
        "\nFiles that no run takes, since they are not under incoming/<dataset>/\n".to_owned();
    let mut table = Table::new(&["file", "bytes", "uploaded (UTC)", "belongs to"]);
    for stray in &found.files {
        table.push([
            shown_key(&stray.key),
            thousands(stray.bytes),
            moment(stray.uploaded_at),
            shown_key(&stray.place()),
        ]);
    }
    text.push_str(&table.render());
    match (found.more, found.is_complete) {
        (0, true) => {}
        (more, true) => text.push_str(&format!("and {} more\n", thousands(more as u64))),
        (more, false) => {
            text.push_str(&format!("and more than {}, not all counted\n", thousands(more as u64)));
        }
    }
    text.push_str("an upload (or a copy) to where they belong starts their run\n");
    text
}

fn table(executions: &[Listed]) -> Table {
    let mut table = Table::new(&["run", "files", "status", "started (UTC)", "took"]);
    for listed in executions {
        let took = listed
            .stopped_at
            .and_then(|stopped| (stopped - listed.started_at).to_std().ok())
            .map(seconds);
        table.rows.push(vec![
            Some(listed.name.clone()),
            listed.input.as_ref().and_then(|input| Brought::of(input).short()),
            Some(listed.status.clone()),
            Some(moment(listed.started_at)),
            took,
        ]);
    }
    table
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

async fn one(target: &Target, run_id: &str) -> Result<ExitCode> {
    let execution = Execution::named(&target.sfn(), target.stack.pipeline()?, run_id);
    let outcome = execution.describe().await?;
    let now = Utc::now();
    let input = execution.input().await?.unwrap_or_default();
    for line in Brought::of(&input).lines() {
        println!("  {line}");
    }
    for stage in execution.progress().await?.stages {
        println!("  {}", stage.line(now));
    }
    let reports = target.stack.reports()?;
    // The warehouse may have moved on since, so its totals are not part of a past run.
    let report = RunReport::gather(&target.s3(), reports, run_id, &outcome, None).await?;
    print!("\n{}", report.render());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use shopflow_core::{Dataset, Error};

    use super::*;
    use crate::unwatched::Stray;

    #[test]
    fn runs_are_shown_where_the_landing_bucket_cannot_be_seen() {
        let run = Listed {
            name: "run-1".to_owned(),
            status: "succeeded".to_owned(),
            started_at: DateTime::from_timestamp(1_768_469_400, 0).unwrap(),
            stopped_at: None,
            input: None,
        };
        let denied = Err(Error::internal("list landing bucket failed").because("AccessDenied"));
        let text = overview(std::slice::from_ref(&run), &[], &denied);
        assert!(text.contains("run-1") && text.contains("2026-01-15 09:30:00"), "{text}");
        assert!(text.contains("could not be looked for: list landing bucket failed: AccessDenied"));
        assert!(text.contains("s3:ListBucket"), "{text}");
        let nothing =
            overview(&[run], &[], &Ok(Unwatched { is_complete: true, ..Unwatched::default() }));
        assert!(!nothing.contains("could not"), "{nothing}");
    }

    #[test]
    fn files_astray_are_shown_with_where_they_belong() {
        let stray = |key: &str, dataset| Stray {
            key: key.to_owned(),
            bytes: 1_500,
            uploaded_at: DateTime::from_timestamp(1_768_469_400, 0).unwrap(),
            dataset,
        };
        let found = Unwatched {
            files: vec![
                stray("incoming/order/a.csv", Some(Dataset::Transactions)),
                stray("b.txt", None),
            ],
            more: 3,
            is_complete: true,
        };
        let expected = "
Files that no run takes, since they are not under incoming/<dataset>/
file                  bytes  uploaded (UTC)       belongs to
────────────────────  ─────  ───────────────────  ───────────────────────────
incoming/order/a.csv  1,500  2026-01-15 09:30:00  incoming/transactions/a.csv
b.txt                 1,500  2026-01-15 09:30:00  incoming/<dataset>/b.txt
and 3 more
an upload (or a copy) to where they belong starts their run
";
        assert_eq!(astray(&found), expected);
        assert_eq!(astray(&Unwatched { is_complete: true, ..Unwatched::default() }), "");
    }
}
