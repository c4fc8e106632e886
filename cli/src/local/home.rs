//! Where things are: the repository or the unpacked release that stands for it, and the folder a
//! local cloud keeps its files in.

use std::fs::File;
use std::path::{Path, PathBuf};

use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::release;

/// Folder of the local cloud; `.shopflow` in the repository or the release by default.
pub const HOME: &str = "SHOPFLOW_HOME";
/// The Python environment of the local cloud; `venv` in its folder by default. Several local clouds
/// can share one.
pub const VENV: &str = "SHOPFLOW_VENV";
/// Folder of the local cloud the end-to-end tests use; set by `cargo shopflow test`.
pub const TEST_HOME: &str = "SHOPFLOW_TEST_HOME";

/// The folders of one local cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    repository: PathBuf,
    folder: PathBuf,
    venv: PathBuf,
}

impl Home {
    /// The user's local cloud: `$SHOPFLOW_HOME`, or `.shopflow` in the release this command belongs
    /// to or in the repository.
    ///
    /// # Errors
    /// `InvalidInput` when there is neither.
    pub fn locate() -> Result<Home> {
        let repository = match release::beside_command() {
            Some(release) => release.to_path_buf(),
            None => repository()?,
        };
        let folder = match std::env::var_os(HOME) {
            Some(path) => absolute(Path::new(&path))?,
            None => repository.join(".shopflow"),
        };
        let mut home = Home::at(repository, folder);
        if let Some(path) = std::env::var_os(VENV) {
            home.venv = absolute(Path::new(&path))?;
        }
        Ok(home)
    }

    /// The local cloud `cargo shopflow test` has started for the tests: the user's Python environment,
    /// servers and data of its own.
    ///
    /// # Errors
    /// `InvalidInput` when `SHOPFLOW_TEST_HOME` is not set.
    pub fn of_tests() -> Result<Home> {
        let folder = std::env::var_os(TEST_HOME).ok_or_else(|| {
            Error::invalid(format!("{TEST_HOME} is not set"))
                .hint("run the tests with `cargo shopflow test`, which starts the servers")
        })?;
        Ok(Home { folder: absolute(Path::new(&folder))?, ..Home::locate()? })
    }

    /// A local cloud in `folder` for the sources in `repository`.
    pub fn at(repository: PathBuf, folder: PathBuf) -> Home {
        Home { venv: folder.join("venv"), repository, folder }
    }

    /// The local cloud for tests beside this one: servers and data of its own, the same Python.
    pub fn for_tests(&self) -> Home {
        Home {
            repository: self.repository.clone(),
            folder: self.folder.join("test"),
            venv: self.venv.clone(),
        }
    }

    /// The same folder and Python for sources that are elsewhere.
    pub fn with_repository(&self, repository: PathBuf) -> Home {
        Home { repository, ..self.clone() }
    }

    /// The local clouds that use the same Python environment, as far as they exist.
    pub fn sharing_venv(&self) -> Vec<Home> {
        let owner = self.venv.parent().map_or_else(|| self.folder.clone(), Path::to_path_buf);
        let mut folders = vec![owner.clone(), owner.join("test"), self.folder.clone()];
        folders.sort();
        folders.dedup();
        let existing = folders.into_iter().filter(|folder| folder.is_dir());
        existing.map(|folder| Home { folder, ..self.clone() }).collect()
    }

    /// The root of the sources, or of the unpacked release, which has the same files in the same
    /// places as far as a local cloud and a deployment need them.
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// True when the root is an unpacked release: nothing is compiled there.
    pub fn is_release(&self) -> bool {
        release::is_release(&self.repository)
    }

    /// The root of the sources, for commands that need more than a release has.
    ///
    /// # Errors
    /// `InvalidInput` in an unpacked release.
    pub fn sources(&self) -> Result<&Path> {
        if self.is_release() {
            return Err(Error::invalid(
                "this command works on the sources, and a release has none",
            )
            .with("folder", self.repository.display())
            .hint("clone the repository and run it there"));
        }
        Ok(&self.repository)
    }

    /// The folder of this local cloud.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The Python virtual environment.
    pub fn venv(&self) -> &Path {
        &self.venv
    }

    /// Folder of the validation log that a laptop gets (`validation.log`) and of the servers' logs.
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// The log `<name>.log`.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// Scratch space of the emulator.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// The file that says what runs where.
    pub fn state_file(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// Where the template looks for the binaries of the functions.
    pub fn lambda_folder(&self) -> PathBuf {
        self.repository.join("target/lambda")
    }

    /// Makes the folder and takes its lock, so that two commands do not start or stop servers at
    /// the same time. The lock ends with the returned file.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn lock(&self) -> Result<File> {
        std::fs::create_dir_all(&self.folder).map_err(|error| {
            Error::internal("create folder failed")
                .with("path", self.folder.display())
                .because(error)
                .hint(format!("set {HOME} to a folder you can write"))
        })?;
        let path = self.folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .or_error(ErrorKind::Internal, "open lock failed")?;
        file.lock().or_error(ErrorKind::Internal, "take lock failed")?;
        Ok(file)
    }
}

/// The repository around the working directory, or the one this command was built from.
fn repository() -> Result<PathBuf> {
    let here = std::env::current_dir().or_error(ErrorKind::Internal, "no working directory")?;
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let is_repository =
        |folder: &&Path| folder.join("cli/Cargo.toml").exists() && folder.join("sql").is_dir();
    here.ancestors().chain(built_from).find(is_repository).map(Path::to_path_buf).ok_or_else(|| {
        Error::invalid("this is not the shopflow repository")
            .with("folder", here.display())
            .hint("change into the folder you cloned and try again")
    })
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).or_error(ErrorKind::InvalidInput, "impossible path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_have_servers_of_their_own_but_the_same_python() {
        let home = Home::at(PathBuf::from("/repo"), PathBuf::from("/repo/.shopflow"));
        let tests = home.for_tests();
        assert_ne!(tests.state_file(), home.state_file());
        assert_ne!(tests.logs(), home.logs());
        assert_eq!(tests.venv(), home.venv());
    }

    #[test]
    fn the_lock_is_exclusive_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(PathBuf::from("/repo"), folder.path().join("cloud"));
        let held = home.lock().unwrap();
        let other = File::open(home.folder().join("lock")).unwrap();
        assert!(other.try_lock().is_err());
        drop(held);
        assert!(other.try_lock().is_ok());
    }
}
