//! Builds the functions and lays them out as the template expects, in
//! `target/lambda/<name>/bootstrap`. In an unpacked release they are there already.

mod cargo;
mod progress;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};

pub use self::cargo::{FunctionCrate, cargo, check};

use self::progress::Progress;
use super::function::Function;
use super::home::Home;
use crate::console::Console;
use crate::release::Manifest;

/// Time between two lines about how far a build is.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// The functions, laid out: built here from the sources, or those of the release.
///
/// The whole workspace is built at once: building single packages would recompile what they share
/// with other features.
///
/// # Errors
/// When cargo is missing or the build fails, with the compiler's messages on the terminal; in a
/// release when its programs do not belong together.
pub async fn functions(home: &Home, console: Console) -> Result<Vec<Function>> {
    if home.is_release() {
        return laid_out(home);
    }
    let metadata = cargo::workspace(home)?;
    let names: Vec<String> =
        of_workspace(home, &metadata)?.into_iter().map(|function| function.name).collect();
    let step = console.step(&format!(
        "build: {} functions in release mode (the first time takes minutes)",
        names.len()
    ));
    step.check(build(home, console).await)?;
    let built = metadata.target_directory.join("release");
    for name in &names {
        step.check(place(&built.join(name), &bootstrap(home, name)))?;
    }
    step.done(&format!("built into {}", home.lambda_folder().display()));
    names.into_iter().map(|name| function(home, name)).collect()
}

/// The functions as an earlier build or the release laid them out, without building.
///
/// # Errors
/// `InvalidInput` when one of them is missing, or is not of this release.
pub fn laid_out(home: &Home) -> Result<Vec<Function>> {
    if home.is_release() {
        return Manifest::read(home.repository())?.functions(home.repository());
    }
    function_names(home)?.into_iter().map(|name| function(home, name)).collect()
}

/// The names of the functions of the workspace, sorted.
///
/// # Errors
/// When cargo is missing or does not understand the workspace.
pub fn function_names(home: &Home) -> Result<Vec<String>> {
    Ok(function_crates(home)?.into_iter().map(|function| function.name).collect())
}

/// The functions of the workspace and what they depend on, sorted.
///
/// # Errors
/// As [`function_names`].
pub fn function_crates(home: &Home) -> Result<Vec<FunctionCrate>> {
    of_workspace(home, &cargo::workspace(home)?)
}

fn of_workspace(home: &Home, metadata: &cargo::Metadata) -> Result<Vec<FunctionCrate>> {
    let functions = metadata.functions(home.repository());
    if functions.is_empty() {
        return Err(Error::internal("the workspace has no functions")
            .with("folder", home.repository().join("functions").display()));
    }
    Ok(functions)
}

fn bootstrap(home: &Home, name: &str) -> PathBuf {
    home.lambda_folder().join(name).join("bootstrap")
}

/// A function that is laid out. Its binary counts by length and modification time, which change
/// whenever it is linked again.
fn function(home: &Home, name: String) -> Result<Function> {
    let bootstrap = bootstrap(home, &name);
    let data = std::fs::metadata(&bootstrap).map_err(|error| {
        Error::invalid("a function has not been built")
            .with("function", &name)
            .because(error)
            .hint("run `cargo shopflow up`")
    })?;
    let modified = data
        .modified()
        .or_error(ErrorKind::Internal, "read modification time failed")?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let stamp = format!("{}-{}", data.len(), modified.as_nanos());
    Ok(Function { name, bootstrap, stamp })
}

async fn build(home: &Home, console: Console) -> Result<()> {
    let mut command = cargo(home);
    command.args(["build", "--release", "--bins"]);
    // On a terminal cargo itself shows a bar with the crates done of all, and quiet means quiet.
    let status = if console.is_verbose() && !console.in_place() {
        command.args(["--message-format", "json-render-diagnostics"]);
        let crates = cargo::crates_of_build(home)?;
        let child = Command::from(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(cargo::missing)?;
        watched(child, Progress::of(crates), console).await
    } else {
        Command::from(command).kill_on_drop(true).status().await
    };
    let status = status.map_err(cargo::missing)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::internal(format!("building the functions failed ({status})"))
        .hint("see the compiler's messages above"))
}

/// Waits for cargo and says from time to time how far it is; passes on what is not progress.
async fn watched(
    mut child: Child,
    mut progress: Progress,
    console: Console,
) -> std::io::Result<std::process::ExitStatus> {
    let mut messages = child.stdout.take().map(lines);
    let mut status = child.stderr.take().map(lines);
    let mut clock = tokio::time::interval(REPORT_EVERY);
    clock.tick().await;
    while messages.is_some() || status.is_some() {
        tokio::select! {
            line = next(&mut messages) => match line? {
                Some(line) => progress.artifact(&line),
                None => messages = None,
            },
            line = next(&mut status) => match line? {
                Some(line) if progress.status(&line) => {}
                Some(line) => eprintln!("{line}"),
                None => status = None,
            },
            _ = clock.tick() => {
                if progress.is_compiling() {
                    console.note(&format!("  build: {}", progress.line()));
                }
            }
        }
    }
    child.wait().await
}

fn lines<R: AsyncRead + Unpin>(reader: R) -> Lines<BufReader<R>> {
    BufReader::new(reader).lines()
}

/// The next line of a stream; of one that has ended, none ever.
async fn next<R: AsyncRead + Unpin>(
    lines: &mut Option<Lines<BufReader<R>>>,
) -> std::io::Result<Option<String>> {
    match lines {
        Some(lines) => lines.next_line().await,
        None => std::future::pending().await,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_build_is_watched_until_both_its_streams_end_and_its_outcome_told() {
        let mut command = Command::new("sh");
        let lines =
            "echo '   Compiling a v1.0.0' >&2; echo '{}'; exec >&-; echo ' Finished' >&2; exit 3";
        command.args(["-c", lines]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn().unwrap();
        let status = watched(child, Progress::default(), Console::quiet()).await.unwrap();
        assert_eq!(status.code(), Some(3));
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
