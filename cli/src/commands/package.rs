//! `package`: everything that `sam deploy` takes to AWS, in one folder.

use std::process::ExitCode;

use shopflow_core::Result;
use shopflow_page::number::thousands;

use crate::args::Package;
use crate::console::Console;
use crate::local::home::Home;
use crate::local::python::Python;
use crate::package::{self, Architecture, authorities};
use crate::table::Table;

/// Builds, lays out, and says what comes next.
pub async fn package(arguments: &Package) -> Result<ExitCode> {
    let console = Console::stderr();
    let home = Home::locate()?;
    home.sources()?;
    let pem = authorities::get(arguments.ca_file.as_deref()).await?;
    authorities::check(&pem)?;
    Python::ensure(&home, console)?;
    let architecture = if arguments.x86_64 { Architecture::X86_64 } else { Architecture::Arm64 };
    let packaged = package::package(&home, architecture, &pem, console)?;
    let mut table = Table::new(&["function", "bytes", "certificate authorities"]);
    for function in packaged {
        let beside = function.authorities.as_deref().and_then(|path| path.file_name());
        let beside = beside.map(|name| name.to_string_lossy().into_owned());
        table.push([function.name, thousands(function.bytes), beside.unwrap_or_default()]);
    }
    print!("{}", table.render());
    println!("next: {}", next(architecture));
    Ok(ExitCode::SUCCESS)
}

fn next(architecture: Architecture) -> String {
    let deploy = "sam build && sam deploy --config-env dev";
    match architecture {
        // As samconfig.toml has it.
        Architecture::Arm64 => deploy.to_owned(),
        // What is given here replaces the whole list of samconfig.toml.
        Architecture::X86_64 => format!(
            "{deploy} --parameter-overrides Environment=dev Architecture={} CreateDatabase=true",
            architecture.name()
        ),
    }
}
