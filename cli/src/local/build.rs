//! Builds the functions and lays them out as the template expects: `target/lambda/<name>/bootstrap`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::home::Home;
use crate::console::Console;

/// A function of the pipeline and the binary that was built for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub bootstrap: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds every binary of the workspace in release mode and lays the functions out.
///
/// The whole workspace is built at once: building single packages would recompile what they share
/// with other features.
///
/// # Errors
/// When cargo is missing or the build fails; the compiler's messages are on the terminal.
pub fn functions(home: &Home, console: Console) -> Result<Vec<Function>> {
    let metadata = metadata(home)?;
    let names = function_names(home.repository(), &metadata);
    if names.is_empty() {
        return Err(Error::internal("the workspace has no functions")
            .with("folder", home.repository().join("functions").display()));
    }
    let step = console.step(&format!(
        "build: {} functions in release mode (the first time takes minutes)",
        names.len()
    ));
    step.check(build(home))?;
    let built = metadata.target_directory.join("release");
    let mut functions = Vec::with_capacity(names.len());
    for name in names {
        let bootstrap = home.lambda_folder().join(&name).join("bootstrap");
        step.check(place(&built.join(&name), &bootstrap))?;
        functions.push(Function { name, bootstrap });
    }
    step.done(&format!("built into {}", home.lambda_folder().display()));
    Ok(functions)
}

/// The functions as an earlier build laid them out, without building.
///
/// # Errors
/// `InvalidInput` when one of them is missing.
pub fn laid_out(home: &Home) -> Result<Vec<Function>> {
    let names = function_names(home.repository(), &metadata(home)?);
    let mut functions = Vec::with_capacity(names.len());
    for name in names {
        let bootstrap = home.lambda_folder().join(&name).join("bootstrap");
        if !bootstrap.exists() {
            return Err(Error::invalid("a function has not been built")
                .with("function", &name)
                .hint("run `cargo shopflow up`"));
        }
        functions.push(Function { name, bootstrap });
    }
    Ok(functions)
}

/// The cargo that started this command, or the one on the path.
pub fn cargo(home: &Home) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(home.repository());
    // Variables of the outer cargo describe this package and would leak into the inner build.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Says which cargo is used.
///
/// # Errors
/// When there is none.
pub fn check(home: &Home) -> Result<String> {
    let output = cargo(home).arg("--version").output().map_err(cargo_missing)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn build(home: &Home) -> Result<()> {
    let status =
        cargo(home).args(["build", "--release", "--bins"]).status().map_err(cargo_missing)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::internal(format!("building the functions failed ({status})"))
        .hint("see the compiler's messages above"))
}

fn metadata(home: &Home) -> Result<Metadata> {
    let mut command = cargo(home);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    // Cargo's own complaint (a broken manifest) is more useful than ours.
    let output = command.output().map_err(cargo_missing)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::internal("cargo metadata failed").because(text));
    }
    serde_json::from_slice(&output.stdout)
        .or_error(ErrorKind::Internal, "read cargo metadata failed")
}

fn cargo_missing(error: std::io::Error) -> Error {
    Error::invalid("cargo is needed to build the functions")
        .because(error)
        .hint("install Rust with rustup and try again")
}

/// Binaries of the packages under `functions/`, sorted.
fn function_names(repository: &Path, metadata: &Metadata) -> Vec<String> {
    let folder = repository.join("functions");
    let mut names: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| package.manifest_path.starts_with(&folder))
        .flat_map(|package| &package.targets)
        .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
        .map(|target| target.name.clone())
        .collect();
    names.sort();
    names
}

/// Puts `built` at `bootstrap`, as a link where the file system allows. An unchanged file is left
/// alone, so its modification time tells whether a new deployment is needed.
fn place(built: &Path, bootstrap: &Path) -> Result<()> {
    let problem = |action: &str, error: std::io::Error| {
        Error::internal(format!("{action} failed")).with("path", built.display()).because(error)
    };
    let source = std::fs::metadata(built).map_err(|error| problem("read binary", error))?;
    if let Ok(present) = std::fs::metadata(bootstrap)
        && present.len() == source.len()
        && present.modified().ok() == source.modified().ok()
    {
        return Ok(());
    }
    if let Some(folder) = bootstrap.parent() {
        std::fs::create_dir_all(folder).map_err(|error| problem("create folder", error))?;
    }
    match std::fs::remove_file(bootstrap) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(problem("replace binary", error));
        }
        _ => {}
    }
    if std::fs::hard_link(built, bootstrap).is_ok() {
        return Ok(());
    }
    std::fs::copy(built, bootstrap).map_err(|error| problem("copy binary", error))?;
    let modified = source.modified().map_err(|error| problem("read binary", error))?;
    std::fs::File::options()
        .write(true)
        .open(bootstrap)
        .and_then(|file| file.set_modified(modified))
        .map_err(|error| problem("copy binary", error))
}

/// The architecture of this machine as Lambda names it.
pub fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binaries_of_function_packages_are_functions() {
        let text = r#"{"target_directory": "/t", "packages": [
            {"manifest_path": "/r/functions/load/Cargo.toml",
             "targets": [{"name": "load", "kind": ["bin"]}, {"name": "shopflow_load", "kind": ["lib"]}]},
            {"manifest_path": "/r/functions/compact/Cargo.toml",
             "targets": [{"name": "compact", "kind": ["bin"]}]},
            {"manifest_path": "/r/cli/Cargo.toml", "targets": [{"name": "shopflow", "kind": ["bin"]}]}
        ]}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(function_names(Path::new("/r"), &metadata), ["compact", "load"]);
    }

    #[test]
    fn a_binary_is_replaced_when_it_changed_and_left_alone_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let built = folder.path().join("load");
        let bootstrap = folder.path().join("lambda/load/bootstrap");
        std::fs::write(&built, "one").unwrap();
        place(&built, &bootstrap).unwrap();
        let first = std::fs::metadata(&bootstrap).unwrap().modified().unwrap();
        place(&built, &bootstrap).unwrap();
        assert_eq!(std::fs::metadata(&bootstrap).unwrap().modified().unwrap(), first);

        std::fs::remove_file(&built).unwrap();
        std::fs::write(&built, "number two").unwrap();
        place(&built, &bootstrap).unwrap();
        assert_eq!(std::fs::read_to_string(&bootstrap).unwrap(), "number two");
    }
}
