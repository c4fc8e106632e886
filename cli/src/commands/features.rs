//! `features list | show | training-set`.

use std::process::ExitCode;

use shopflow_core::Result;
use shopflow_features::Definitions;
use shopflow_page::number::thousands;

use super::run::pretty;
use crate::args::{Features, FeaturesList, FeaturesShow, TrainingSet};
use crate::console::Console;
use crate::features::list;
use crate::features::manifest::Manifest;
use crate::features::training_set::{self, Request};
use crate::target::Target;

/// Runs the subcommand.
pub async fn features(command: &Features) -> Result<ExitCode> {
    let definitions = Definitions::built_in()?;
    match command {
        Features::List(arguments) => listed(&definitions, arguments)?,
        Features::Show(arguments) => shown(&definitions, arguments)?,
        Features::TrainingSet(arguments) => training_set(&definitions, arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(definitions: &Definitions, arguments: &FeaturesList) -> Result<()> {
    if arguments.json {
        println!("{}", pretty(&list::list_json(definitions))?);
    } else {
        print!("{}", list::list(definitions));
    }
    Ok(())
}

fn shown(definitions: &Definitions, arguments: &FeaturesShow) -> Result<()> {
    if arguments.json {
        println!("{}", pretty(&list::show_json(definitions, &arguments.name)?)?);
    } else {
        print!("{}", list::show(definitions, &arguments.name)?);
    }
    Ok(())
}

async fn training_set(definitions: &Definitions, arguments: &TrainingSet) -> Result<()> {
    let console = if arguments.json { Console::quiet() } else { Console::stderr() };
    let request = Request {
        service: arguments.service.clone(),
        spine: arguments.spine.clone(),
        output: arguments.output.clone(),
        split: arguments.split,
        as_of: arguments.as_of.clone(),
        full_names: arguments.full_names,
    };
    let target = Target::open(&arguments.environment.name).await?;
    let mut client = target.database().await?;
    let manifest = training_set::make(&mut client, definitions, &request, console).await?;
    if arguments.json {
        print!("{}", manifest.text()?);
    } else {
        print!("{}", told(&manifest, &request));
    }
    Ok(())
}

/// What came of it, in a few lines.
fn told(manifest: &Manifest, request: &Request) -> String {
    let mut text = format!(
        "{} rows, {} features, known until {}\n",
        thousands(manifest.rows),
        manifest.features.len(),
        manifest.until
    );
    text.push_str(&format!(
        "{} rows would have been given something that was known only later\n",
        thousands(manifest.rows_known_later)
    ));
    for file in &manifest.files {
        let path = request.output.with_file_name(&file.file);
        text.push_str(&format!("{}: {} rows\n", path.display(), thousands(file.rows)));
    }
    text.push_str(&format!("{}\n", request.beside("card.md").display()));
    text
}
