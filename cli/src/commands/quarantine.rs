//! `quarantine list | show | export | replay | accept`.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;
use shopflow_core::{Dataset, Error, Result};

use super::accept::accept;
use super::run::{exit_code, follow, pretty};
use super::user::user;
use crate::args::{Quarantine, QuarantineExport, QuarantineList, QuarantineReplay, QuarantineShow};
use crate::brought::shown_key;
use crate::console::Console;
use crate::quarantine::files::{self, Entry, Filter};
use crate::quarantine::replay::{self, Request};
use crate::quarantine::rows::Rows;
use crate::quarantine::{export, mask};
use crate::release::{invocation, worded};
use crate::table::Table;
use crate::target::Target;
use shopflow_page::number::thousands;

/// Reasons that one line of the list names.
const REASONS_SHOWN: usize = 3;

/// Runs the subcommand.
pub async fn quarantine(command: &Quarantine) -> Result<ExitCode> {
    match command {
        Quarantine::List(arguments) => list(arguments).await,
        Quarantine::Show(arguments) => show(arguments).await,
        Quarantine::Export(arguments) => to_file(arguments).await,
        Quarantine::Replay(arguments) => replay(arguments).await,
        Quarantine::Accept(arguments) => accept(arguments).await,
    }
}

async fn list(arguments: &QuarantineList) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    let filter = Filter { run_id: arguments.run.clone(), dataset: arguments.dataset, part: None };
    let (entries, more) = files::list(&target, &filter, arguments.limit as usize).await?;
    if arguments.json {
        println!("{}", pretty(&json!({"files": entries, "more": more}))?);
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        println!("There is nothing of that kind in quarantine.");
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", listed(&entries).render());
    if more > 0 {
        println!("{} older files are not listed; --limit shows more", thousands(more as u64));
    }
    if entries.iter().any(|entry| entry.can_be_accepted && entry.rows_held() > 0) {
        println!(
            "rows that are held: repair the file and run it again, or load them as they are with \
             `{} quarantine accept <run> --why <reason>`",
            invocation()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(entries: &[Entry]) -> Table {
    let mut table = Table::new(&[
        "run",
        "dataset",
        "file",
        "part",
        "refused",
        "reasons",
        "good rows",
        "replayed",
    ]);
    for entry in entries {
        table.rows.push(vec![
            Some(entry.run_id.clone()),
            Some(entry.dataset.to_string()),
            entry.source.as_ref().map(|source| shown_key(&source.key)),
            Some(entry.part.clone()),
            Some(thousands(entry.rows)),
            Some(reasons(entry)),
            good_rows(entry),
            Some(replayed(entry)),
        ]);
    }
    table
}

/// What became of the good rows of the file.
fn good_rows(entry: &Entry) -> Option<String> {
    let rows = thousands(entry.rows_good?);
    Some(match (&entry.rejection, entry.accepted()) {
        (None, _) => format!("{rows} good"),
        (Some(_), Some(accepted)) => format!("{rows} accepted ({})", accepted.run_id),
        (Some(_), None) => format!("{rows} held, file rejected"),
    })
}

fn reasons(entry: &Entry) -> String {
    let mut words: Vec<String> = entry
        .reasons
        .iter()
        .take(REASONS_SHOWN)
        .map(|reason| match reason.column.as_str() {
            "" => format!("{} {}", reason.rule, thousands(reason.rows)),
            column => format!("{}({column}) {}", reason.rule, thousands(reason.rows)),
        })
        .collect();
    if entry.reasons.len() > REASONS_SHOWN {
        words.push(format!("{} more", entry.reasons.len() - REASONS_SHOWN));
    }
    words.join(", ")
}

fn replayed(entry: &Entry) -> String {
    let best = entry.replays.iter().rev().find(|record| record.succeeded());
    match (best, entry.replays.last()) {
        (Some(record), _) => {
            let rows = thousands(entry.rows_replayed());
            format!("{rows} of {} rows ({})", thousands(entry.rows), record.run_id)
        }
        (None, Some(record)) => format!("{} ({})", record.status, record.run_id),
        (None, None) => "no".to_owned(),
    }
}

/// A refused row as the screen shows it.
#[derive(Debug, Serialize)]
struct Shown {
    dataset: Dataset,
    part: String,
    /// Key of the file the row came in.
    file: Option<String>,
    line: u64,
    column: String,
    rule: String,
    value: String,
    reason: String,
}

async fn show(arguments: &QuarantineShow) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    let filter = Filter {
        run_id: Some(arguments.run_id.clone()),
        dataset: arguments.dataset,
        part: arguments.part.clone(),
    };
    let rule = arguments.rule.as_deref();
    let entries = files::of_run(&target, &filter).await?;
    files::check_rule(&entries, rule)?;
    let limit = arguments.limit as usize;
    let rows = shown(&target, &entries, rule, limit).await?;
    let total: u64 = entries.iter().map(|entry| entry.rows_of(rule)).sum();
    if arguments.json {
        println!("{}", pretty(&json!({"rows": rows, "total": total}))?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["file", "line", "column", "rule", "value", "reason"]);
    for row in &rows {
        table.push([
            row.file.clone().unwrap_or_else(|| row.part.clone()),
            row.line.to_string(),
            row.column.clone(),
            row.rule.clone(),
            row.value.clone(),
            row.reason.clone(),
        ]);
    }
    print!("{}", table.render());
    if total > rows.len() as u64 {
        println!("{} of {} rows; --limit shows more", rows.len(), thousands(total));
    }
    Ok(ExitCode::SUCCESS)
}

async fn shown(
    target: &Target,
    entries: &[Entry],
    rule: Option<&str>,
    limit: usize,
) -> Result<Vec<Shown>> {
    let storage = target.storage();
    let mut found = Vec::new();
    for entry in entries {
        let mut rows = Rows::open(&storage, &entry.object()).await?;
        while found.len() < limit
            && let Some(row) = rows.next().await?
        {
            if rule.is_some_and(|rule| row.rule != rule) {
                continue;
            }
            found.push(Shown {
                dataset: entry.dataset,
                part: entry.part.clone(),
                file: entry.source.as_ref().map(|source| source.key.clone()),
                line: row.line,
                value: mask::shown(entry.dataset, &row.column, &row.value),
                column: row.column,
                rule: row.rule,
                reason: row.reason,
            });
        }
    }
    Ok(found)
}

async fn to_file(arguments: &QuarantineExport) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    let filter = Filter {
        run_id: Some(arguments.run_id.clone()),
        dataset: Some(arguments.dataset),
        part: arguments.part.clone(),
    };
    let entries = files::of_run(&target, &filter).await?;
    let [entry] = entries.as_slice() else {
        return Err(replay::several(&entries).hint("name one of them with --part"));
    };
    let rule = arguments.rule.as_deref();
    files::check_rule(&entries, rule)?;
    let saved = export::save(&target.storage(), entry, rule, &arguments.output).await?;
    println!("{} rows in {}", thousands(saved.rows), arguments.output.display());
    if let Some(doubt) = saved.doubt {
        println!("{doubt}; the header is the dataset's own: check the order of the columns");
    }
    if saved.cut > 0 {
        println!(
            "{} rows are longer than 1 MiB, and quarantine has only their beginning: take them \
             from the file they came in",
            thousands(saved.cut)
        );
    }
    println!(
        "repair them, then: {} quarantine replay {} {} --part {} --file {}",
        invocation(),
        entry.run_id,
        entry.dataset,
        entry.part,
        arguments.output.display()
    );
    Ok(ExitCode::SUCCESS)
}

async fn replay(arguments: &QuarantineReplay) -> Result<ExitCode> {
    let console = if arguments.json { Console::quiet() } else { Console::stderr() };
    let target = Target::open(&arguments.environment.name).await?;
    let request = Request {
        run_id: arguments.run_id.clone(),
        dataset: arguments.dataset,
        part: arguments.part.clone(),
        file: arguments.file.clone(),
        rule: arguments.rule.clone(),
        again: arguments.again,
        by: user(),
    };
    let mut replay = replay::start(&target, &request).await?;
    let run_id = replay.execution.name().to_owned();
    if replay.known {
        let outcome = json!({"run_id": run_id, "status": "succeeded", "known": true});
        if arguments.json {
            println!("{}", pretty(&outcome)?);
        } else {
            println!(
                "These rows were already replayed by run {run_id}: nothing to do; --again replays them once more"
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows = replay.rows().map(|rows| format!("{} rows, ", thousands(rows)));
    console.note(&format!(
        "replay of {}: {}run {run_id} on {}",
        request.run_id,
        rows.unwrap_or_default(),
        target.stack.name()
    ));
    let outcome = follow(&target, &replay.execution, console).await?;
    let account = replay.finish(&target, &outcome).await?;
    if arguments.json {
        let text = json!({
            "run_id": run_id, "status": outcome.status.to_lowercase(), "known": false,
            "account": account, "rows_cut": replay.rows_cut,
            "error": outcome.error, "cause": outcome.cause,
        });
        println!("{}", pretty(&text)?);
    } else {
        print!("\n{}", worded(&replay.render(&outcome, account)));
    }
    let balanced = account.is_some_and(|account| account.is_balanced());
    if outcome.succeeded() && !balanced {
        return Err(Error::internal("the rows of the replay are not accounted for exactly once")
            .with("run_id", run_id)
            .hint("look at its ledger with `cargo shopflow status`"));
    }
    Ok(exit_code(&outcome))
}
