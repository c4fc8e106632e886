//! What `sam deploy` takes to AWS: `target/lambda/<function>/bootstrap` for Lambda's machines, and
//! beside it, where a function talks to Postgres, the certificate authorities of the database.

pub mod authorities;

use std::fs;
use std::path::{Path, PathBuf};

use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::console::Console;
use crate::local::build;
use crate::local::function::architecture;
use crate::local::home::Home;

/// Whoever depends on this crate talks to Postgres.
const POSTGRES: &str = "shopflow-postgres";

/// What the functions are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    Arm64,
    X86_64,
}

impl Architecture {
    /// That of this machine.
    pub fn of_this_machine() -> Architecture {
        if architecture() == "arm64" { Architecture::Arm64 } else { Architecture::X86_64 }
    }

    /// As the template's parameter `Architecture` has it.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Arm64 => "arm64",
            Architecture::X86_64 => "x86_64",
        }
    }

    /// As `cargo lambda build` has it.
    fn flag(self) -> &'static str {
        match self {
            Architecture::Arm64 => "--arm64",
            Architecture::X86_64 => "--x86-64",
        }
    }
}

/// A function of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub talks_to_postgres: bool,
}

/// A function that is ready to be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packaged {
    pub name: String,
    /// Size of its binary.
    pub bytes: u64,
    /// The certificate authorities beside it.
    pub authorities: Option<PathBuf>,
}

/// The functions of the workspace, sorted, and which of them need to know the database's certificate
/// authorities, as their `Cargo.toml` says.
///
/// # Errors
/// When cargo is missing or a manifest is broken.
pub fn functions(home: &Home) -> Result<Vec<Function>> {
    let functions = build::function_crates(home)?.into_iter().map(|function| Function {
        talks_to_postgres: function.dependencies.contains(POSTGRES),
        name: function.name,
    });
    Ok(functions.collect())
}

/// Compiles the functions with `cargo lambda build` and lays them out where the template looks for
/// them, those that talk to Postgres together with `authorities` (PEM).
///
/// # Errors
/// `InvalidInput` when `authorities` has no certificate; `Internal` when the build fails (the
/// compiler's messages are on the terminal) or a file cannot be written.
pub fn package(
    home: &Home,
    architecture: Architecture,
    authorities: &[u8],
    console: Console,
) -> Result<Vec<Packaged>> {
    // Before the build, which takes long.
    let count = authorities::check(authorities)?;
    let functions = functions(home)?;
    let step = console.step(&format!(
        "package: {} functions for {} (the first time takes minutes)",
        functions.len(),
        architecture.name()
    ));
    let packaged = step.check(lay_out(home, architecture, &functions, authorities))?;
    step.done(&format!(
        "packaged into {}, with {count} certificate authorities where Postgres is talked to",
        home.lambda_folder().display()
    ));
    Ok(packaged)
}

fn lay_out(
    home: &Home,
    architecture: Architecture,
    functions: &[Function],
    authorities: &[u8],
) -> Result<Vec<Packaged>> {
    let folder = home.lambda_folder();
    let file_name = authorities::file_name()?;
    for function in functions {
        // What `up` has put there is a link to the binary for this machine, and would be overwritten
        // together with it.
        remove(&folder.join(&function.name).join("bootstrap"))?;
        remove(&folder.join(&function.name).join(&file_name))?;
    }
    compile(home, architecture, functions, &folder)?;
    let mut packaged = Vec::with_capacity(functions.len());
    for function in functions {
        let own = folder.join(&function.name);
        let bootstrap = own.join("bootstrap");
        let binary = fs::metadata(&bootstrap).map_err(|error| {
            Error::internal("a function was not built")
                .with("path", bootstrap.display())
                .because(error)
        })?;
        let beside = own.join(&file_name);
        if function.talks_to_postgres {
            fs::write(&beside, authorities).map_err(|error| unwritable(&beside, error))?;
        }
        packaged.push(Packaged {
            name: function.name.clone(),
            bytes: binary.len(),
            authorities: Some(beside).filter(|_| function.talks_to_postgres),
        });
    }
    Ok(packaged)
}

fn compile(
    home: &Home,
    architecture: Architecture,
    functions: &[Function],
    folder: &Path,
) -> Result<()> {
    let mut command = build::cargo(home);
    command.args(["lambda", "build", "--release", architecture.flag(), "--lambda-dir"]).arg(folder);
    for function in functions {
        command.args(["--bin", &function.name]);
    }
    // cargo-lambda, and the zig that it links with, are in the Python environment.
    let programs = std::iter::once(home.venv().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(programs.chain(std::env::split_paths(&path))).or_error(
        ErrorKind::InvalidInput,
        "the folder of the programs cannot be put on the PATH",
    )?;
    let status = command
        .env("PATH", path)
        .status()
        .or_error(ErrorKind::InvalidInput, "cargo cannot be started")?;
    if status.success() {
        return Ok(());
    }
    Err(Error::internal(format!("cargo lambda build failed ({status})"))
        .hint("its messages are above"))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritable(path, error)),
        _ => Ok(()),
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::internal("a file of the package cannot be written")
        .with("path", path.display())
        .because(error)
}
