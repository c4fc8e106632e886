//! `report`: the questions of the business.

use std::process::ExitCode;

use shopflow_core::Result;

use crate::analytics;
use crate::args::Report;
use crate::local::home::Home;
use crate::target::Target;

/// Asks every question under `sql/analytics/`: a table on screen, a CSV file in the folder.
pub async fn report(arguments: &Report) -> Result<ExitCode> {
    let home = Home::locate()?;
    let questions = analytics::questions(&home.repository().join("sql/analytics"))?;
    let target = Target::open(&arguments.environment.name).await?;
    let client = target.database().await?;
    let mut answers = Vec::with_capacity(questions.len());
    for question in &questions {
        answers.push(analytics::ask(&client, question).await?);
    }
    for answer in &answers {
        println!("{}\n{}", answer.question.title, answer.table.render());
    }
    for file in analytics::write_csv(&arguments.out, &answers)? {
        println!("written {}", file.display());
    }
    Ok(ExitCode::SUCCESS)
}
