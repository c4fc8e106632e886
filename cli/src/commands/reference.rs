//! `plans`, `dictionary` and `lineage`: the documents that are generated from the definitions.

use std::path::Path;
use std::process::ExitCode;

use chrono::NaiveDate;
use shopflow_core::contract::GenerateSpec;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::analytics;
use crate::args::{Dictionary, Lineage, Plans};
use crate::console::Console;
use crate::local::home::Home;
use crate::{dictionary, lineage, plans, sample, scratch};
use shopflow_page::number::thousands;

/// The day of the data behind the plans, fixed so that they can be written again.
const DAY: &str = "2026-01-15";

/// Explains every question on generated data of its own.
pub async fn plans(arguments: &Plans) -> Result<ExitCode> {
    let repository = Home::locate()?.sources()?.to_owned();
    let questions = analytics::questions(&repository.join("sql/analytics"))?;
    let spec = GenerateSpec { scale: arguments.scale, ..GenerateSpec::default() };
    let run_date: NaiveDate =
        DAY.parse().or_error(ErrorKind::Internal, "the day of the plans is not a date")?;
    let console = Console::stderr();
    let text = scratch::with_database(arguments.server.as_deref(), async |client| {
        console.note(&format!("filling a database of its own at scale {}", spec.scale));
        sample::fill(&client, run_date, &spec).await?;
        console.note("explaining every question");
        let comparisons = plans::compare(&client, &questions).await?;
        let lookups = plans::lookups::compare(&client).await?;
        let data = format!(
            "{} sales of a year (scale {}, seed {})",
            thousands((spec.scale * 5000.0) as u64),
            spec.scale,
            spec.seed
        );
        plans::document(&client, (&comparisons, &lookups), &data, "cargo shopflow plans").await
    })
    .await?;
    write(&repository.join("docs/query-plans.md"), &text)
}

/// Writes the data dictionary, or says what is wrong with the one there is.
pub async fn dictionary(arguments: &Dictionary) -> Result<ExitCode> {
    let repository = Home::locate()?.sources()?.to_owned();
    let gold = repository.join("sql/gold");
    let generated = scratch::with_database(arguments.server.as_deref(), async |client| {
        dictionary::generate(&client, &gold).await
    })
    .await?;
    let path = repository.join("docs/data-dictionary.md");
    for gap in &generated.gaps {
        eprintln!("{gap} has no comment");
    }
    if !arguments.check {
        return write(&path, &generated.text);
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    if current != generated.text {
        eprintln!("{} is out of date: run `cargo shopflow dictionary`", path.display());
        return Ok(ExitCode::FAILURE);
    }
    Ok(if generated.gaps.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes where every column comes from, or prints the way of one.
pub fn lineage(arguments: &Lineage) -> Result<ExitCode> {
    let graph = shopflow_lineage::graph()?;
    if let Some(column) = &arguments.column {
        print!("{}", lineage::upstream(&graph, column)?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(column) = &arguments.downstream {
        print!("{}", lineage::downstream(&graph, column)?);
        return Ok(ExitCode::SUCCESS);
    }
    let path = Home::locate()?.sources()?.join("docs/lineage.md");
    let text = lineage::document(&graph);
    if !arguments.check {
        return write(&path, &text);
    }
    if std::fs::read_to_string(&path).unwrap_or_default() == text {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} is out of date: run `cargo shopflow lineage`", path.display());
    Ok(ExitCode::FAILURE)
}

fn write(path: &Path, text: &str) -> Result<ExitCode> {
    std::fs::write(path, text).map_err(|error| {
        Error::invalid("write document failed").with("file", path.display()).because(error)
    })?;
    println!("written {}", path.display());
    Ok(ExitCode::SUCCESS)
}
