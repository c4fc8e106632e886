//! Prints the statements of the dimensions by step, as JSON, for benchmarks that run them as
//! transform does.

use std::collections::BTreeMap;
use std::io::Write;

use shopflow_postgres::dimensions::{self, Star};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stars = dimensions::all();
    let mut steps: BTreeMap<String, String> = stars
        .iter()
        .map(|star| (star.changes_table(), format!("{}{}", dimensions::PREPARE, star.changes())))
        .collect();
    let updates: String = stars.iter().map(Star::update).collect();
    let updates = format!("{}{updates}{}", dimensions::BEGIN, dimensions::END);
    steps.insert("dimensions".to_owned(), updates);
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&steps)?)?;
    Ok(())
}
