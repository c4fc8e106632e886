//! `withdraw`: sales that count no longer.

use std::process::ExitCode;

use serde_json::json;
use shopflow_core::{Dataset, Error, Result};

use super::run::{exit_code, follow, pretty};
use crate::args::Withdraw;
use crate::console::Console;
use crate::quarantine::Account;
use crate::release::invocation;
use crate::summary::RunReport;
use crate::target::Target;
use crate::withdraw::{self, Choice, Found, Period};
use shopflow_page::number::{thousands, thousands_decimal};

/// Takes sales back. Exit code 1 when the run failed or refused some of them.
pub async fn withdraw(arguments: &Withdraw) -> Result<ExitCode> {
    let console = if arguments.json { Console::quiet() } else { Console::stderr() };
    let target = Target::open(&arguments.environment.name).await?;
    let choice = Choice {
        ids: arguments.id.clone(),
        file: arguments.file.clone(),
        period: arguments.from.zip(arguments.to).map(|(from, to)| Period { from, to }),
        keep: arguments.keep.clone(),
    };
    let withdrawal = withdraw::find(&target, &choice).await?;
    let found = &withdrawal.found;
    if arguments.dry_run || found.sales == 0 {
        match arguments.json {
            true => println!("{}", pretty(&json!({"found": found, "status": "not started"}))?),
            false => println!("{}", said(found, "would be")),
        }
        return Ok(ExitCode::SUCCESS);
    }
    console.note(&said(found, "are"));
    let execution = withdrawal.start(&target).await?;
    let run_id = execution.name().to_owned();
    match execution.is_started_here() {
        true => console.note(&format!("run {run_id} on {}", target.stack.name())),
        false => console.note(&format!(
            "run {run_id} on {} is taking them back already; waiting for its outcome",
            target.stack.name()
        )),
    }
    let outcome = follow(&target, &execution, console).await?;
    let report =
        RunReport::gather(&target.s3(), target.stack.reports()?, &run_id, &outcome, None).await?;
    let account = Account::of(&report.ledger, Dataset::Transactions);
    if arguments.json {
        let text = json!({
            "run_id": run_id, "found": found, "status": outcome.status.to_lowercase(),
            "account": account, "error": outcome.error, "cause": outcome.cause,
        });
        println!("{}", pretty(&text)?);
    } else {
        print!("\n{}", report.render());
    }
    let refused = account.map_or(0, |account| account.rows_quarantined);
    if outcome.succeeded() && refused > 0 {
        return Err(Error::invalid("some sales were not taken back: validation refused them")
            .with("run_id", &run_id)
            .with("rows", refused)
            .hint(format!("`{} quarantine show {run_id}` says why", invocation())));
    }
    if outcome.succeeded() {
        let left = withdraw::find(&target, &choice).await?.found.sales;
        if left > 0 {
            return Err(Error::internal("some of the sales still count")
                .with("run_id", &run_id)
                .with("sales", left)
                .hint(format!(
                    "look at the run with `{} status {run_id}`; a later file may have them",
                    invocation()
                )));
        }
    }
    Ok(exit_code(&outcome))
}

fn said(found: &Found, verb: &str) -> String {
    let (Some(first), Some(last)) = (&found.first, &found.last) else {
        return "There are no such sales, or they are cancelled already.".to_owned();
    };
    format!(
        "lines of sales from {first} to {last} that {verb} taken back: {}; they brought {}",
        thousands(found.sales),
        thousands_decimal(&found.revenue)
    )
}
