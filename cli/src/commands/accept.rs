//! `quarantine accept`: a rejected file is loaded after all.

use std::process::ExitCode;

use serde_json::json;
use shopflow_core::{Error, Result};
use shopflow_page::number::thousands;

use super::run::{exit_code, follow, pretty};
use super::user::user;
use crate::args::QuarantineAccept;
use crate::console::Console;
use crate::quarantine::accept::{self, Request};
use crate::release::worded;
use crate::target::Target;

/// Starts the run that takes the files, follows it and prints its account.
pub async fn accept(arguments: &QuarantineAccept) -> Result<ExitCode> {
    let console = if arguments.json { Console::quiet() } else { Console::stderr() };
    let target = Target::open(&arguments.environment.name).await?;
    let request = Request {
        run_id: arguments.run_id.clone(),
        dataset: arguments.dataset,
        part: arguments.part.clone(),
        by: user(),
        why: arguments.why.clone(),
    };
    let accepted = accept::start(&target, &request).await?;
    let run_id = accepted.execution.name().to_owned();
    if accepted.known {
        let decision = &accepted.decision;
        if arguments.json {
            let text = json!({
                "run_id": run_id, "status": "succeeded", "known": true, "decision": decision,
                "not_validated": accepted.unjudged,
            });
            println!("{}", pretty(&text)?);
        } else {
            println!(
                "These files were already loaded by run {run_id}: {} accepted them on {} \
                 ({}); nothing to do",
                decision.by,
                decision.at.format("%Y-%m-%d %H:%M UTC"),
                decision.why
            );
            print!("{}", worded(&accepted.left_out()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (files, rejected) = accepted.files();
    if !accepted.execution.is_started_here() {
        let decision = &accepted.decision;
        console.note(&format!(
            "run {run_id} is carrying this decision out already: {} accepted the files on {} ({}); \
             waiting for its outcome",
            decision.by,
            decision.at.format("%Y-%m-%d %H:%M UTC"),
            decision.why
        ));
    }
    console.note(&format!(
        "files {files}, rejected {rejected}, good rows {}: run {run_id} on {}",
        thousands(accepted.rows_held),
        target.stack.name()
    ));
    let outcome = follow(&target, &accepted.execution, console).await?;
    let accounts = accepted.finish(&target, &outcome).await?;
    if arguments.json {
        let text = json!({
            "run_id": run_id, "status": outcome.status.to_lowercase(), "known": false,
            "decision": accepted.decision, "accounts": accounts,
            "not_validated": accepted.unjudged,
            "error": outcome.error, "cause": outcome.cause,
        });
        println!("{}", pretty(&text)?);
    } else {
        print!("\n{}", worded(&accepted.render(&outcome, &accounts)));
    }
    if outcome.succeeded() && !accounts.values().all(|account| account.is_balanced()) {
        return Err(Error::internal("the rows of the files are not accounted for exactly once")
            .with("run_id", run_id)
            .hint("look at its ledger with `cargo shopflow status`"));
    }
    Ok(exit_code(&outcome))
}
