//! `status`: the recent runs, or one of them.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use shopflow_core::Result;

use crate::args::Status;
use crate::console::seconds;
use crate::execution::{self, Execution, Listed};
use crate::release::invocation;
use crate::summary::RunReport;
use crate::table::Table;
use crate::target::Target;

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
    let runs = execution::recent(&sfn, target.stack.pipeline()?, limit).await?;
    let backfills = execution::recent(&sfn, target.stack.backfill()?, limit).await?;
    if runs.is_empty() && backfills.is_empty() {
        println!("There are no runs yet; `{} run` starts one.", invocation());
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", table(&runs).render());
    if !backfills.is_empty() {
        print!("\nBackfills\n{}", table(&backfills).render());
    }
    Ok(ExitCode::SUCCESS)
}

fn table(executions: &[Listed]) -> Table {
    let mut table = Table::new(&["run", "status", "started (UTC)", "took"]);
    for listed in executions {
        let took = listed
            .stopped_at
            .and_then(|stopped| (stopped - listed.started_at).to_std().ok())
            .map(seconds);
        table.rows.push(vec![
            Some(listed.name.clone()),
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
    for stage in execution.progress().await?.stages {
        println!("  {}", stage.line(now));
    }
    let reports = target.stack.reports()?;
    // The warehouse may have moved on since, so its totals are not part of a past run.
    let report = RunReport::gather(&target.s3(), reports, run_id, &outcome, None).await?;
    print!("\n{}", report.render());
    Ok(ExitCode::SUCCESS)
}
