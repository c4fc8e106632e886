//! Makes the archive of a release. The same files give the same bytes: entries are sorted, and
//! times and owners fixed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::binary;
use super::manifest::{BOOTSTRAP, FUNCTIONS, FileEntry, MANIFEST, Manifest};
use crate::package::Architecture;

/// What the name of an archive ends with.
pub const EXTENSION: &str = ".tar.gz";
/// Name of the command in a release.
const COMMAND: &str = "shopflow";
/// Files and folders of the repository that `up`, `run`, `report`, `suggest` and `sam deploy` read,
/// and the definitions that people look up or replace.
const SOURCES: &[&str] = &[
    "LICENSE",
    "config",
    "events",
    "local/requirements.txt",
    "samconfig.toml",
    "sql/analytics",
    "statemachines",
    "streams",
    "suites",
    "template.yaml",
];
/// What somebody who has just unpacked the archive wants to know.
const README: &str = include_str!("README.txt");
/// Time of every entry: 2020-01-01. Zip files, which SAM makes of the functions, know no 1970.
const TIME: u64 = 1_577_836_800;
const EXECUTABLE: u32 = 0o755;
const PLAIN: u32 = 0o644;

/// What goes into an archive.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// Root of the sources.
    pub sources: &'a Path,
    /// The compiled command.
    pub command: &'a Path,
    /// Folder with `<function>/bootstrap`, and whatever else a function is packaged with.
    pub lambda: &'a Path,
    /// Names of the functions.
    pub functions: &'a [String],
}

/// An archive that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

/// Where an entry comes from and how it is unpacked.
enum Entry {
    File { path: PathBuf, mode: u32 },
    Text(Vec<u8>),
}

impl Contents<'_> {
    /// Writes `shopflow-<version>-<architecture>.tar.gz` to the folder `out`, and beside it its
    /// SHA-256 in a file that `sha256sum --check` reads.
    ///
    /// # Errors
    /// `InvalidInput` when a program is missing or compiled for another machine than the others,
    /// or when the folder cannot be written.
    pub fn write(&self, out: &Path) -> Result<Archive> {
        let architecture = self.architecture()?;
        let name = format!("shopflow-{}-{}", env!("CARGO_PKG_VERSION"), architecture.name());
        let entries = self.entries(architecture)?;
        std::fs::create_dir_all(out).map_err(|error| unwritable(out, error))?;
        let path = out.join(format!("{name}{EXTENSION}"));
        let draft = out.join(format!(".{name}{EXTENSION}.new"));
        let made = pack(&entries, &name, &draft)
            .and_then(|()| std::fs::rename(&draft, &path).map_err(|e| unwritable(&path, e)));
        if let Err(error) = made {
            let _ = std::fs::remove_file(&draft);
            return Err(error);
        }
        let FileEntry { bytes, sha256 } =
            FileEntry::of(&path).map_err(|error| unreadable(&path, error))?;
        let sums = out.join(format!("{name}{EXTENSION}.sha256"));
        std::fs::write(&sums, format!("{sha256}  {name}{EXTENSION}\n"))
            .map_err(|error| unwritable(&sums, error))?;
        Ok(Archive { path, bytes, sha256 })
    }

    /// The one architecture that everything was compiled for.
    fn architecture(&self) -> Result<Architecture> {
        let architecture = binary::architecture_of(self.command)?;
        for name in self.functions {
            let bootstrap = self.lambda.join(name).join(BOOTSTRAP);
            let found = binary::architecture_of(&bootstrap)?;
            if found != architecture {
                return Err(Error::invalid("the programs were compiled for different machines")
                    .with("command", architecture.name())
                    .with("function", name)
                    .with("compiled_for", found.name())
                    .hint("compile the command and the functions for the same one"));
            }
        }
        Ok(architecture)
    }

    /// Everything by its path in the release, sorted.
    fn entries(&self, architecture: Architecture) -> Result<BTreeMap<String, Entry>> {
        let mut entries = BTreeMap::new();
        let command = Entry::File { path: self.command.to_path_buf(), mode: EXECUTABLE };
        entries.insert(COMMAND.to_owned(), command);
        for name in self.functions {
            let folder = self.lambda.join(name);
            add(&folder, &format!("{FUNCTIONS}/{name}"), &mut entries)?;
        }
        let manifest = manifest(architecture, &entries)?;
        for source in SOURCES {
            add(&self.sources.join(source), source, &mut entries)?;
        }
        entries.insert("README.txt".to_owned(), Entry::Text(README.as_bytes().to_vec()));
        entries.insert(MANIFEST.to_owned(), Entry::Text(manifest));
        Ok(entries)
    }
}

/// Adds a file, or everything in a folder, under the path `name`.
fn add(path: &Path, name: &str, entries: &mut BTreeMap<String, Entry>) -> Result<()> {
    let failed = |error| unreadable(path, error);
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        let mode = if name.ends_with(BOOTSTRAP) { EXECUTABLE } else { PLAIN };
        entries.insert(name.to_owned(), Entry::File { path: path.to_path_buf(), mode });
        return Ok(());
    }
    for child in std::fs::read_dir(path).map_err(failed)? {
        let child = child.map_err(failed)?;
        let Some(last) = child.file_name().to_str().map(str::to_owned) else {
            return Err(
                Error::invalid("a file name is no UTF-8 text").with("path", child.path().display())
            );
        };
        add(&child.path(), &format!("{name}/{last}"), entries)?;
    }
    Ok(())
}

/// The manifest of the programs.
fn manifest(architecture: Architecture, programs: &BTreeMap<String, Entry>) -> Result<Vec<u8>> {
    let mut files = BTreeMap::new();
    for (name, entry) in programs {
        if let Entry::File { path, .. } = entry {
            let described = FileEntry::of(path).map_err(|error| unreadable(path, error))?;
            files.insert(name.clone(), described);
        }
    }
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        architecture: architecture.name().to_owned(),
        files,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)
        .or_error(ErrorKind::Internal, "encode the manifest failed")?;
    text.push(b'\n');
    Ok(text)
}

/// Writes the entries to an archive in which they lie in the folder `root`.
fn pack(entries: &BTreeMap<String, Entry>, root: &str, path: &Path) -> Result<()> {
    let failed = |error| unwritable(path, error);
    let file = BufWriter::new(File::create(path).map_err(failed)?);
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    for (name, entry) in entries {
        let place = format!("{root}/{name}");
        match entry {
            Entry::File { path: source, mode } => {
                let mut content = File::open(source).map_err(|error| unreadable(source, error))?;
                let length = content.metadata().map_err(|error| unreadable(source, error))?.len();
                let mut header = header(length, *mode);
                archive.append_data(&mut header, place, &mut content).map_err(failed)?;
            }
            Entry::Text(text) => {
                let mut header = header(text.len() as u64, PLAIN);
                archive.append_data(&mut header, place, text.as_slice()).map_err(failed)?;
            }
        }
    }
    let encoder = archive.into_inner().map_err(failed)?;
    encoder.finish().and_then(|mut file| file.flush()).map_err(failed)
}

fn header(length: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(length);
    header.set_mode(mode);
    header.set_mtime(TIME);
    header
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::invalid("read a file of the release failed").with("path", path.display()).because(error)
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::invalid("write the archive failed").with("path", path.display()).because(error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    /// The start of a Linux program for `machine`, and some words to tell it from others.
    fn program(machine: u8, words: &str) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend([machine, 0]);
        bytes.extend(words.as_bytes());
        bytes
    }

    const X86_64: u8 = 0x3e;
    const ARM64: u8 = 0xb7;

    /// A command and two functions, one of them with a certificate beside it.
    fn programs(folder: &Path, machine: u8) -> Vec<String> {
        std::fs::write(folder.join("shopflow"), program(machine, "command")).unwrap();
        for name in ["upload", "load"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            std::fs::write(folder.join(name).join(BOOTSTRAP), program(machine, name)).unwrap();
        }
        std::fs::write(folder.join("load/ca.pem"), "certificate").unwrap();
        vec!["load".to_owned(), "upload".to_owned()]
    }

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn write(folder: &Path, functions: &[String], out: &Path) -> Result<Archive> {
        let sources = repository();
        let command = folder.join("shopflow");
        Contents { sources: &sources, command: &command, lambda: folder, functions }.write(out)
    }

    #[test]
    fn the_same_files_give_the_same_bytes_whenever_they_were_compiled() {
        let folder = tempfile::tempdir().unwrap();
        let functions = programs(folder.path(), X86_64);
        let first = write(folder.path(), &functions, &folder.path().join("first")).unwrap();
        let touched = File::options().append(true).open(folder.path().join("load/bootstrap"));
        let earlier = SystemTime::now() - Duration::from_secs(86_400);
        touched.unwrap().set_modified(earlier).unwrap();
        let second = write(folder.path(), &functions, &folder.path().join("second")).unwrap();
        assert_eq!(first.sha256, second.sha256);
        assert_eq!(std::fs::read(&first.path).unwrap(), std::fs::read(&second.path).unwrap());
        let name = format!("shopflow-{}-x86_64.tar.gz", env!("CARGO_PKG_VERSION"));
        assert_eq!(first.path, folder.path().join("first").join(&name));
        let sums = folder.path().join("first").join(format!("{name}.sha256"));
        assert_eq!(std::fs::read_to_string(sums).unwrap(), format!("{}  {name}\n", first.sha256));
    }

    #[test]
    fn an_unpacked_archive_has_programs_that_run_and_a_manifest_that_knows_them() {
        let folder = tempfile::tempdir().unwrap();
        let functions = programs(folder.path(), ARM64);
        let archive = write(folder.path(), &functions, folder.path()).unwrap();
        let file = flate2::read::GzDecoder::new(File::open(archive.path).unwrap());
        tar::Archive::new(file).unpack(folder.path().join("here")).unwrap();
        let name = format!("shopflow-{}-arm64", env!("CARGO_PKG_VERSION"));
        let root = folder.path().join("here").join(name);
        let manifest = Manifest::read(&root).unwrap();
        assert_eq!(manifest.architecture, "arm64");
        let known: Vec<&String> = manifest.files.keys().collect();
        let expected = [
            "shopflow",
            "target/lambda/load/bootstrap",
            "target/lambda/load/ca.pem",
            "target/lambda/upload/bootstrap",
        ];
        assert_eq!(known, expected);
        for (path, entry) in &manifest.files {
            assert_eq!(FileEntry::of(&root.join(path)).unwrap(), *entry, "{path}");
            let mode = std::fs::metadata(root.join(path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o100 != 0, !path.ends_with(".pem"), "{path}");
        }
        for path in ["template.yaml", "statemachines/pipeline.asl.json", "local/requirements.txt"] {
            let unpacked = std::fs::read(root.join(path)).unwrap();
            assert_eq!(unpacked, std::fs::read(repository().join(path)).unwrap(), "{path}");
        }
    }

    #[test]
    fn programs_for_different_machines_are_not_packed_together() {
        let folder = tempfile::tempdir().unwrap();
        let functions = programs(folder.path(), X86_64);
        std::fs::write(folder.path().join("upload/bootstrap"), program(ARM64, "upload")).unwrap();
        let said = write(folder.path(), &functions, folder.path()).unwrap_err().to_string();
        assert!(said.contains("command=x86_64, function=upload, compiled_for=arm64"), "{said}");
    }

    #[test]
    fn a_missing_function_leaves_no_archive_behind() {
        let folder = tempfile::tempdir().unwrap();
        let functions = programs(folder.path(), X86_64);
        std::fs::remove_file(folder.path().join("upload/bootstrap")).unwrap();
        let out = folder.path().join("out");
        let said = write(folder.path(), &functions, &out).unwrap_err().to_string();
        assert!(said.contains("upload/bootstrap"), "{said}");
        assert!(!out.exists());
    }
}
