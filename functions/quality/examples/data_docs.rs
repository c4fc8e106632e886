//! Writes the data docs of several runs of one CSV file into a folder and prints one JSON object:
//! seconds of the first and of the last run, files and bytes.
//!
//!     cargo run --release -p shopflow-quality --example data_docs -- SUITE DATASET FILE RUNS FOLDER

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::Schema;
use serde_json::json;
use shopflow_core::contract::Run;
use shopflow_core::{Dataset, Settings};
use shopflow_expectations::source::csv;
use shopflow_expectations::{Options, Plan, Suite, into_error};
use shopflow_lake::schema;
use shopflow_quality::checks::expectations::judge;
use shopflow_quality::docs::{Entry, Evidence, Runs, pages};
use shopflow_quality::expectations::{Outcome, Sample};
use shopflow_quality::report::Report;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [suite, dataset, file, runs, folder] = arguments.as_slice() else {
        return Err("usage: data_docs SUITE DATASET FILE RUNS FOLDER".into());
    };
    let (dataset, folder): (Dataset, _) = (dataset.parse()?, Path::new(folder));
    let text = std::fs::read_to_string(suite)?;
    let settings = Settings::from_sources("prod", HashMap::new(), &[])?;
    let parsed = Suite::parse_yaml(&text)
        .and_then(|suite| suite.with_parameters(&settings.vocabulary.parameters()))
        .map_err(|problems| into_error(suite, &problems))?;
    let usual = dataset.columns().iter().filter(|column| column.is_usual());
    let fields: Vec<_> = usual.map(|column| schema::field(column).with_nullable(true)).collect();
    let options = Options { profile: true, ..Options::default() };
    let plan = Plan::compile(&parsed, Arc::new(Schema::new(fields)), &options)
        .map_err(|problems| into_error(suite, &problems))?;
    let state = csv::validate_file(&plan, Path::new(file), 1)?;
    let outcomes = [Outcome {
        suite: dataset.name(),
        dataset: Some(dataset),
        result: state.finish(),
        profile: state.profile(),
        sample: Sample::default(),
    }];

    let privacy = settings.privacy;
    let mut state = Runs::default();
    let mut seconds = Vec::new();
    for number in 0..runs.parse::<u32>()? {
        let run = Run { run_id: format!("run-{number}"), run_date: "2026-01-15".parse()? };
        let report = Report::new(&run, judge(&outcomes));
        let evidence = Evidence {
            report: &report,
            ledger: &[],
            outcomes: &outcomes,
            compared: &[],
            privacy: &privacy,
        };
        let started = Instant::now();
        let noted = state.note(&Entry::new(&evidence));
        for page in pages(&evidence, &noted)? {
            let path = folder.join(page.key);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, page.content)?;
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    let first = seconds.first().copied().unwrap_or_default();
    let last = seconds.last().copied().unwrap_or_default();
    println!("{}", json!({"first": first, "last": last}));
    Ok(())
}
