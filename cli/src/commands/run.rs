//! `run` and `backfill`: start an execution, follow it, report.

use std::process::ExitCode;

use chrono::Utc;
use serde_json::{Value, json};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, keys};

use super::follow::Follower;
use super::inputs;
use crate::args::{Backfill, Run};
use crate::console::{Console, seconds};
use crate::execution::{Execution, Outcome, Poll, unique_name};
use crate::local::deploy;
use crate::paths;
use crate::summary::RunReport;
use crate::table::Table;
use crate::target::Target;

/// Letters of a file's name in that of its run.
const NAME_LETTERS: usize = 40;

/// Runs the pipeline once.
pub async fn run(arguments: &Run) -> Result<ExitCode> {
    let console = if arguments.json { Console::quiet() } else { Console::stderr() };
    let environment = &arguments.environment.name;
    if arguments.generates() {
        inputs::check_generated(environment)?;
    }
    paths::check(&arguments.file)?;
    let target = Target::open_or_up(environment, console).await?;
    let run_id = unique_name(&beginning(arguments), Utc::now());
    let mut input = json!({"source": inputs::source(arguments, &target, &run_id).await?});
    if let Some(date) = arguments.run_date {
        input["run_date"] = json!(date);
    }
    console.note(&format!("run {run_id} on {}", target.stack.name()));
    let outcome = execute(&target, target.stack.pipeline()?, &run_id, &input, console).await?;
    let database =
        if target.database_url.is_some() { Some(target.database().await?) } else { None };
    let s3 = target.s3();
    let reports = target.stack.reports()?;
    let report = RunReport::gather(&s3, reports, &run_id, &outcome, database.as_ref()).await?;
    if arguments.json {
        println!("{}", pretty(&report)?);
    } else {
        print!("\n{}", report.render());
    }
    Ok(exit_code(&outcome))
}

/// The beginning of the run's name: what it takes first, as far as that is a file.
fn beginning(arguments: &Run) -> String {
    let file = arguments.file.first().map(|file| file.to_string_lossy().into_owned());
    let first = file.or_else(|| arguments.object.first().cloned()).unwrap_or_default();
    match keys::readable(&first, NAME_LETTERS).as_str() {
        "" => "run".to_owned(),
        file => format!("run-{file}"),
    }
}

/// Runs the pipeline for each date of a range.
pub async fn backfill(arguments: &Backfill) -> Result<ExitCode> {
    if arguments.end < arguments.start {
        return Err(Error::invalid("the range ends before it starts")
            .with("start", arguments.start)
            .with("end", arguments.end));
    }
    let console = if arguments.json { Console::quiet() } else { Console::stderr() };
    let environment = &arguments.environment.name;
    if arguments.object.is_empty() {
        inputs::check_generated(environment)?;
    }
    let target = Target::open_or_up(environment, console).await?;
    let name = unique_name("backfill", Utc::now());
    let source = match arguments.object.as_slice() {
        [] => arguments.spec.source(),
        objects => inputs::of_objects(objects)?,
    };
    let mut input = json!({"start": arguments.start, "end": arguments.end, "source": source});
    if let Some(limit) = arguments.max_concurrency {
        input["max_concurrency"] = json!(limit);
    }
    console.note(&format!("{name} on {}", target.stack.name()));
    let outcome = execute(&target, target.stack.backfill()?, &name, &input, console).await?;
    if arguments.json {
        println!("{}", pretty(&outcome.output.clone().unwrap_or(Value::Null))?);
    } else {
        print!("\n{}", backfill_report(&name, &outcome));
    }
    Ok(exit_code(&outcome))
}

async fn execute(
    target: &Target,
    machine: &str,
    name: &str,
    input: &Value,
    console: Console,
) -> Result<Outcome> {
    let execution = Execution::start(&target.sfn(), machine, name, &input.to_string()).await?;
    follow(target, &execution, console).await
}

/// Shows the progress of an execution until it ends.
pub(super) async fn follow(
    target: &Target,
    execution: &Execution,
    console: Console,
) -> Result<Outcome> {
    let poll = Poll::for_environment(target.stack.environment());
    let mut follower = Follower::new(console);
    let outcome = execution.wait(poll, |progress| follower.show(progress)).await?;
    if outcome.succeeded() && target.database_url.is_none() {
        console
            .note("revenue and customers are in the database: set DATABASE_URL to see them here");
    }
    if !outcome.succeeded() && target.stack.environment() == deploy::ENVIRONMENT {
        console
            .note("the functions' own words are in the logs: aws logs tail /aws/lambda/<function>");
    }
    Ok(outcome)
}

fn backfill_report(name: &str, outcome: &Outcome) -> String {
    let took = outcome.duration().map(|d| format!(" in {}", seconds(d))).unwrap_or_default();
    let mut text = format!("Backfill {name} {}{took}\n", outcome.status.to_lowercase());
    if let Some(error) = &outcome.error {
        text.push_str(&format!("  error   {error}\n"));
    }
    if let Some(cause) = &outcome.cause {
        text.push_str(&format!("  cause   {cause}\n"));
    }
    let dates = outcome.output.as_ref().and_then(|output| output.get("dates")?.as_array());
    if let Some(dates) = dates {
        let mut table = Table::new(&["date", "status", "error"]);
        for date in dates {
            let cell = |field: &str| date.get(field).and_then(Value::as_str).map(str::to_owned);
            table.rows.push(vec![cell("date"), cell("status"), cell("error")]);
        }
        text.push_str(&format!("\n{}", table.render()));
    }
    text
}

pub(super) fn pretty(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).or_error(ErrorKind::Internal, "encode report failed")
}

pub(super) fn exit_code(outcome: &Outcome) -> ExitCode {
    if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn a_run_of_a_file_is_named_after_it() {
        let of = |rest: &[&str]| {
            let parsed = Arguments::parse_from(["shopflow", "run"].iter().chain(rest));
            let Command::Run(run) = parsed.command else { panic!("run was asked for") };
            beginning(&run)
        };
        assert_eq!(of(&[]), "run");
        assert_eq!(of(&["--file", "data/May sales.csv", "--file", "b.csv"]), "run-May-sales");
        assert_eq!(of(&["--object", "s3://b/incoming/products/p.csv?versionId=v1"]), "run-p");
        let long = format!("{}.csv", "x".repeat(200));
        assert!(unique_name(&of(&["--file", &long]), Utc::now()).len() <= 80);
    }

    #[test]
    fn a_backfill_shows_every_date_and_the_bad_one() {
        let outcome = Outcome {
            status: "FAILED".to_owned(),
            output: Some(json!({"dates": [
                {"date": "2026-01-01", "status": "succeeded"},
                {"date": "2026-01-02", "status": "failed", "error": "InvalidInput"},
            ]})),
            error: Some("BackfillIncomplete".to_owned()),
            cause: Some("1 of 2 dates failed".to_owned()),
            started_at: DateTime::from_timestamp(0, 0).unwrap(),
            stopped_at: DateTime::from_timestamp(9, 0),
        };
        let expected = "\
Backfill b-1 failed in 9.00 s
  error   BackfillIncomplete
  cause   1 of 2 dates failed

date        status     error
──────────  ─────────  ────────────
2026-01-01  succeeded  -
2026-01-02  failed     InvalidInput
";
        assert_eq!(backfill_report("b-1", &outcome), expected);
    }
}
