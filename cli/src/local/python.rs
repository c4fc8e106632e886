//! The Python virtual environment with the emulator, Postgres, SAM and cargo-lambda, all pinned in
//! `local/requirements.txt`. Python runs nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::home::Home;
use super::process;
use crate::console::Console;

/// Oldest Python the pinned packages run on.
const OLDEST: (u32, u32) = (3, 10);
/// Programs that are tried, in this order.
const CANDIDATES: &[&str] = &["python3", "python3.13", "python3.12", "python3.11", "python3.10"];
/// File in the environment that tells what was installed into it.
const MARKER: &str = "shopflow-requirements.sha256";

/// A virtual environment that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    venv: PathBuf,
}

impl Python {
    /// The environment of `home`; installs it when it is absent or its pins changed.
    ///
    /// # Errors
    /// When no suitable Python is there or the installation fails, with the end of pip's log.
    pub fn ensure(home: &Home, console: Console) -> Result<Python> {
        let requirements = home.repository().join("local/requirements.txt");
        let wanted = fingerprint(&requirements)?;
        let python = Python { venv: home.venv().to_path_buf() };
        if python.installed().as_deref() == Some(wanted.as_str()) {
            return Ok(python);
        }
        let interpreter = find_interpreter()?;
        let step = console.step(&format!(
            "python: installing the pinned packages of local/requirements.txt into {}",
            home.venv().display()
        ));
        step.check(python.install(&interpreter, &requirements, &home.log("python")))?;
        std::fs::write(python.marker(), wanted)
            .or_error(ErrorKind::Internal, "write marker of the python environment failed")?;
        step.done("installed");
        Ok(python)
    }

    /// True when the environment of `home` has what is pinned.
    ///
    /// # Errors
    /// When the requirements cannot be read.
    pub fn is_current(home: &Home) -> Result<bool> {
        let wanted = fingerprint(&home.repository().join("local/requirements.txt"))?;
        let python = Python { venv: home.venv().to_path_buf() };
        Ok(python.installed().as_deref() == Some(wanted.as_str()))
    }

    /// Folder of the programs (`sam`, `cargo-lambda`, `cfn-lint`).
    pub fn bin(&self) -> PathBuf {
        self.venv.join("bin")
    }

    /// A command that runs a module: it works wherever the environment is, unlike pip's scripts.
    pub fn module(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin().join("python3"));
        command.args(["-m", name]);
        command
    }

    /// A command that runs a program given as text.
    pub fn script(&self, text: &str) -> Command {
        let mut command = Command::new(self.bin().join("python3"));
        command.args(["-c", text]);
        command
    }

    /// Folder of the installed package `name`.
    ///
    /// # Errors
    /// `Internal` when the environment has no such package.
    pub fn package(&self, name: &str) -> Result<PathBuf> {
        let libraries = self.venv.join("lib");
        let versions = std::fs::read_dir(&libraries)
            .or_error(ErrorKind::Internal, "read python environment failed")?;
        versions
            .flatten()
            .map(|version| version.path().join("site-packages").join(name))
            .find(|path| path.is_dir())
            .ok_or_else(|| {
                Error::internal("a package is missing in the python environment")
                    .with("package", name)
                    .hint(format!("remove {} and try again", self.venv.display()))
            })
    }

    fn marker(&self) -> PathBuf {
        self.venv.join(MARKER)
    }

    fn installed(&self) -> Option<String> {
        let starts = self.bin().join("python3").exists();
        starts.then(|| std::fs::read_to_string(self.marker()).ok()).flatten()
    }

    fn install(&self, interpreter: &str, requirements: &Path, log: &Path) -> Result<()> {
        // A half-made environment, or one of another Python, is replaced.
        let mut venv = Command::new(interpreter);
        venv.args(["-m", "venv", "--clear"]).arg(&self.venv);
        process::run_logged(&mut venv, log, "making the virtual environment")?;
        let mut pip = self.module("pip");
        pip.args(["install", "--disable-pip-version-check", "--no-input", "--requirement"]);
        pip.arg(requirements);
        process::run_logged(&mut pip, log, "installing the pinned packages").map_err(|error| {
            error.hint("check that this machine reaches a Python package index, then run it again")
        })
    }
}

/// Identifies the pins.
fn fingerprint(requirements: &Path) -> Result<String> {
    let text = std::fs::read(requirements).map_err(|error| {
        Error::internal("read requirements failed")
            .with("path", requirements.display())
            .because(error)
    })?;
    Ok(hex::encode(Sha256::digest(&text)))
}

fn find_interpreter() -> Result<String> {
    let mut found = Vec::new();
    for candidate in CANDIDATES {
        let Some(version) = version_of(candidate) else { continue };
        if version < OLDEST {
            found.push(format!("{candidate} is {}.{}", version.0, version.1));
            continue;
        }
        if has_venv(candidate) {
            return Ok((*candidate).to_owned());
        }
        found.push(format!("{candidate} lacks the venv module"));
    }
    let (major, minor) = OLDEST;
    let wanted = format!("Python {major}.{minor} or newer with the venv module is needed");
    if found.is_empty() {
        return Err(Error::invalid(format!("{wanted}, and there is no python3"))
            .hint("install Python 3 and try again"));
    }
    Err(Error::invalid(format!("{wanted}: {}", found.join(", ")))
        .hint("install a newer Python (on Debian and Ubuntu also python3-venv) and try again"))
}

/// Says which Python would be used.
///
/// # Errors
/// When there is none that will do, as [`Python::ensure`].
pub fn check() -> Result<String> {
    let program = find_interpreter()?;
    let version = version_of(&program).map(|(major, minor)| format!(" {major}.{minor}"));
    Ok(format!("{program}{}", version.unwrap_or_default()))
}

fn version_of(program: &str) -> Option<(u32, u32)> {
    let mut command = Command::new(program);
    command.args(["-c", "import sys; print(sys.version_info[0], sys.version_info[1])"]);
    let text = process::run_captured(&mut command, program).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn has_venv(program: &str) -> bool {
    let mut command = Command::new(program);
    command.args(["-c", "import venv, ensurepip"]);
    process::run_captured(&mut command, program).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_used_only_while_its_pins_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repo");
        std::fs::create_dir_all(repository.join("local")).unwrap();
        let requirements = repository.join("local/requirements.txt");
        std::fs::write(&requirements, "ministack==1\n").unwrap();
        let home = Home::at(repository, folder.path().join("cloud"));
        let python = Python { venv: home.venv().to_path_buf() };
        std::fs::create_dir_all(python.bin()).unwrap();
        std::fs::write(python.bin().join("python3"), "").unwrap();
        std::fs::write(python.marker(), fingerprint(&requirements).unwrap()).unwrap();
        assert!(Python::is_current(&home).unwrap());
        assert_eq!(Python::ensure(&home, Console::quiet()).unwrap(), python);

        std::fs::write(&requirements, "ministack==2\n").unwrap();
        assert!(!Python::is_current(&home).unwrap());
    }

    #[test]
    fn every_requirement_is_pinned_to_one_version_per_python() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../local/requirements.txt");
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 90, "transitive packages are pinned too");
        for line in lines {
            assert!(line.contains("==") && !line.contains('*'), "not pinned: {line}");
            assert!(!line.contains("://"), "no index or address: {line}");
        }
    }
}
