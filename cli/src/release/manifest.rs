//! The manifest of a release: which programs belong together.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::local::function::{Function, architecture};

/// Name of the manifest in the root of a release.
pub const MANIFEST: &str = "release.json";
/// Where the template looks for the functions.
pub(super) const FUNCTIONS: &str = "target/lambda";
/// The program of a function, as Lambda wants it named.
pub(super) const BOOTSTRAP: &str = "bootstrap";

/// Content of `release.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: String,
    /// As Lambda names it: `x86_64` or `arm64`.
    pub architecture: String,
    /// The command, and everything in the functions' folders, by path from the root.
    pub files: BTreeMap<String, FileEntry>,
}

/// What a file of the release must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub bytes: u64,
    pub sha256: String,
}

impl FileEntry {
    /// Describes the file as it is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> std::io::Result<FileEntry> {
        let mut file = std::fs::File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = 0;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(FileEntry { bytes, sha256: hex::encode(hasher.finalize()) });
            }
            bytes += read as u64;
            hasher.update(&buffer[..read]);
        }
    }
}

impl Manifest {
    /// Reads the manifest of the release in `root`.
    ///
    /// # Errors
    /// `InvalidInput` when it is missing or no manifest.
    pub fn read(root: &Path) -> Result<Manifest> {
        let path = root.join(MANIFEST);
        let text = std::fs::read(&path)
            .or_error(ErrorKind::InvalidInput, "read the manifest of the release failed")
            .map_err(|error| error.with("path", path.display()))?;
        serde_json::from_slice(&text).map_err(|error| {
            Error::invalid("the manifest of the release cannot be understood")
                .with("path", path.display())
                .because(error)
                .hint(UNPACK)
        })
    }

    /// The functions of the release in `root`, once it is certain that they and this command
    /// belong together and run on this machine.
    ///
    /// # Errors
    /// `InvalidInput` when the release is for another architecture or is mixed from several.
    pub fn functions(&self, root: &Path) -> Result<Vec<Function>> {
        self.check_version(env!("CARGO_PKG_VERSION"))?;
        self.check_architecture(architecture())?;
        for (path, expected) in &self.files {
            check_file(root, path, expected)?;
        }
        let functions = self.files.iter().filter_map(|(path, entry)| {
            let name = path.strip_prefix(FUNCTIONS)?.strip_prefix('/')?;
            let name = name.strip_suffix(BOOTSTRAP)?.strip_suffix('/')?;
            Some(Function {
                name: name.to_owned(),
                bootstrap: root.join(path),
                stamp: entry.sha256.clone(),
            })
        });
        Ok(functions.collect())
    }

    fn check_version(&self, command: &str) -> Result<()> {
        if self.version == command {
            return Ok(());
        }
        Err(Error::invalid("the command and the functions are of different releases")
            .with("command", command)
            .with("functions", &self.version)
            .hint(UNPACK))
    }

    fn check_architecture(&self, machine: &str) -> Result<()> {
        if self.architecture == machine {
            return Ok(());
        }
        Err(Error::invalid("the functions were compiled for another machine")
            .with("functions", &self.architecture)
            .with("machine", machine)
            .hint(format!("take the archive for {machine}")))
    }
}

const UNPACK: &str = "unpack the archive anew, into an empty folder";

fn check_file(root: &Path, path: &str, expected: &FileEntry) -> Result<()> {
    let found = FileEntry::of(&root.join(path)).map_err(|error| {
        Error::invalid("a program of the release is missing")
            .with("path", root.join(path).display())
            .because(error)
            .hint(UNPACK)
    })?;
    if found == *expected {
        return Ok(());
    }
    Err(Error::invalid("a program is not the one this release was made with")
        .with("path", root.join(path).display())
        .hint(UNPACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release in `root` with a command and one function, and its manifest.
    fn release(root: &Path) -> Manifest {
        let files = ["shopflow", "target/lambda/load/bootstrap", "target/lambda/load/ca.pem"];
        std::fs::create_dir_all(root.join("target/lambda/load")).unwrap();
        let entry = |path: &str| {
            std::fs::write(root.join(path), path).unwrap();
            (path.to_owned(), FileEntry::of(&root.join(path)).unwrap())
        };
        Manifest {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            architecture: architecture().to_owned(),
            files: files.into_iter().map(entry).collect(),
        }
    }

    #[test]
    fn the_functions_are_told_from_what_lies_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = release(folder.path());
        let functions = manifest.functions(folder.path()).unwrap();
        assert_eq!(functions.len(), 1);
        assert_eq!(functions[0].name, "load");
        assert_eq!(functions[0].bootstrap, folder.path().join("target/lambda/load/bootstrap"));
    }

    #[test]
    fn a_release_mixed_from_two_is_refused_with_the_file_or_both_versions() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = release(folder.path());
        std::fs::write(folder.path().join("target/lambda/load/bootstrap"), "newer").unwrap();
        let said = manifest.functions(folder.path()).unwrap_err().to_string();
        assert!(said.contains("load/bootstrap") && said.contains(UNPACK), "{said}");

        std::fs::remove_file(folder.path().join("target/lambda/load/bootstrap")).unwrap();
        let said = manifest.functions(folder.path()).unwrap_err().to_string();
        assert!(said.contains("is missing"), "{said}");

        manifest.version = "0.0.9".to_owned();
        let said = manifest.functions(folder.path()).unwrap_err().to_string();
        let both = format!("command={}, functions=0.0.9", env!("CARGO_PKG_VERSION"));
        assert!(said.contains("different releases") && said.contains(&both), "{said}");
    }

    #[test]
    fn a_release_for_another_machine_names_the_archive_to_take() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = release(folder.path());
        let other = if architecture() == "arm64" { "x86_64" } else { "arm64" };
        manifest.architecture = other.to_owned();
        let said = manifest.functions(folder.path()).unwrap_err().to_string();
        assert!(said.contains(&format!("the archive for {}", architecture())), "{said}");
    }

    #[test]
    fn a_new_binary_is_a_new_deployment_even_with_the_same_length_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let before = release(folder.path()).functions(folder.path()).unwrap();
        let mut manifest = release(folder.path());
        let path = "target/lambda/load/bootstrap";
        std::fs::write(folder.path().join(path), path.to_uppercase()).unwrap();
        let entry = FileEntry::of(&folder.path().join(path)).unwrap();
        manifest.files.insert(path.to_owned(), entry);
        let after = manifest.functions(folder.path()).unwrap();
        assert_ne!(before[0].stamp, after[0].stamp);
    }
}
