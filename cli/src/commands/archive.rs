//! `archive`: the archive of a release.

use std::path::Path;
use std::process::ExitCode;

use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_page::number::thousands;

use crate::args::Archive;
use crate::console::Console;
use crate::local::build;
use crate::local::home::Home;
use crate::release::Contents;

/// Writes the archive of this command and the functions, and prints where it is.
pub async fn archive(arguments: &Archive) -> Result<ExitCode> {
    let home = Home::locate()?;
    let sources = home.sources()?;
    let console = Console::stderr();
    let (names, lambda) = match &arguments.functions {
        Some(folder) => (build::function_names(&home)?, folder.clone()),
        None => {
            let built = build::functions(&home, console).await?;
            (built.into_iter().map(|function| function.name).collect(), home.lambda_folder())
        }
    };
    let own = std::env::current_exe().or_error(ErrorKind::Internal, "find this command failed")?;
    let command: &Path = arguments.command.as_deref().unwrap_or(&own);
    let step = console.step("archive: packing the command and the functions");
    let contents = Contents { sources, command, lambda: &lambda, functions: &names };
    let archive = step.check(contents.write(&arguments.out))?;
    step.done(&format!("{} bytes, sha256 {}", thousands(archive.bytes), archive.sha256));
    println!("{}", archive.path.display());
    Ok(ExitCode::SUCCESS)
}
