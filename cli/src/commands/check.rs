//! `check`: a suite over a file or a table.

use std::process::ExitCode;

use shopflow_core::Result;

use crate::args::Check;
use crate::check::{self, Source};
use crate::target::Target;

/// Prints the verdict. Fails when an expectation does.
pub async fn check(arguments: &Check) -> Result<ExitCode> {
    let suite = check::suite(&arguments.suite)?;
    let source = Source::named(&arguments.source, &arguments.types, arguments.threads)?;
    let client = match source {
        Source::Postgres(_) => {
            Some(Target::open(&arguments.environment.name).await?.database().await?)
        }
        _ => None,
    };
    let result = check::validate(&suite, &source, client.as_ref()).await?;
    if arguments.json {
        println!("{:#}", result.to_json());
    } else {
        print!("{}", check::render(&result));
    }
    Ok(if result.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
