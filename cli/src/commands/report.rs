//! `report`: the questions of the business.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use shopflow_core::natural_key::ShownKeys;
use shopflow_core::{Error, Result};

use crate::analytics;
use crate::args;
use crate::console::seconds;
use crate::local::home::Home;
use crate::report::Report;
use crate::report::finding::finding;
use crate::report::keyed;
use crate::target::Target;

/// Asks every question under `sql/analytics/`: a table on screen, a CSV file in the folder, and all
/// of them on one page.
pub async fn report(arguments: &args::Report) -> Result<ExitCode> {
    let home = Home::locate()?;
    let questions = analytics::questions(&home.repository().join("sql/analytics"))?;
    let target = Target::open(&arguments.environment.name).await?;
    let client = target.database().await?;
    let began = Instant::now();
    let mut report = Report::gather(&client, &questions, arguments.afresh).await?;
    if report.names_made_numbers() {
        // The report shows the keys that alerts and data docs show.
        let settings = target.settings("quality").await?;
        let keys = ShownKeys::new(&settings.privacy, &settings.natural_keys);
        report.name_products(&client, &keys).await?;
    }
    let took = began.elapsed();
    print!("{}", on_screen(&report));
    for file in analytics::write_csv(&arguments.out, &report.answers)? {
        println!("written {}", file.display());
    }
    let page = write_page(&arguments.out, &report.page(&arguments.environment.name))?;
    println!("written {}", page.display());
    println!(
        "{} questions in {}; {} answers reused, since nothing they read has changed",
        report.answers.len(),
        seconds(took),
        report.kept,
    );
    Ok(ExitCode::SUCCESS)
}

fn on_screen(report: &Report) -> String {
    let mut text = String::new();
    for answer in &report.answers {
        let last_day = report.figures.last_day();
        text.push_str(&format!("{}\n", answer.question.title));
        if let Some(finding) = finding(&answer.question.name, &answer.table, last_day) {
            text.push_str(&format!("{finding}\n"));
        }
        text.push_str(&format!("{}\n", keyed::shown(&answer.table).render()));
    }
    text
}

fn write_page(folder: &Path, page: &str) -> Result<PathBuf> {
    let path = folder.join("report.html");
    std::fs::write(&path, page).map_err(|error| {
        Error::invalid("write report failed").with("file", path.display()).because(error)
    })?;
    Ok(path)
}
