//! `suggest`: expectations that a suite does not have yet.

use std::process::ExitCode;

use shopflow_core::settings::StorageSettings;
use shopflow_core::{ErrorKind, Result, ResultExt, Storage};
use shopflow_expectations::{Suite, into_error};

use crate::args::Suggest;
use crate::local::home::Home;
use crate::suggest::{of_latest_run, without_known};
use crate::target::Target;

/// The command reads two small objects.
const STORAGE: StorageSettings =
    StorageSettings { part_size_mib: 8, concurrent_parts: 1, concurrent_objects: 1 };

/// Prints, as YAML, what the latest run suggests beyond the suite of the dataset.
pub async fn suggest(arguments: &Suggest) -> Result<ExitCode> {
    let dataset = arguments.dataset;
    let target = Target::open(&arguments.environment.name).await?;
    let storage = Storage::new(&target.aws, &STORAGE);
    let suggested = of_latest_run(&storage, target.stack.reports()?, dataset).await?;
    let file = format!("suites/{dataset}.yaml");
    let path = Home::locate()?.repository().join(&file);
    let text = std::fs::read_to_string(&path)
        .or_error(ErrorKind::InvalidInput, "read the suite failed")
        .map_err(|error| error.with("file", &file))?;
    let current = Suite::parse_yaml(&text).map_err(|problems| into_error(&file, &problems))?;
    let (run_id, rows) = (suggested.run_id, suggested.rows);
    let suite = without_known(suggested.suite, &current);
    if suite.expectations.is_empty() {
        println!("# {file} says all that the {rows} rows of run {run_id} suggest.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "# Suggested by the {rows} rows of run {run_id}: true of them, perhaps not of the next."
    );
    println!("# Read them, and move what should hold to {file}.");
    print!("{}", suite.to_yaml());
    Ok(ExitCode::SUCCESS)
}
