//! Releases: the command and the functions as one archive, for people who do not want to compile.
//!
//! An unpacked release looks like the repository as far as a local cloud and a deployment need it:
//! `template.yaml`, `samconfig.toml`, the state machines, and `target/lambda/<function>/bootstrap`.
//! So `shopflow up` and `sam deploy` work there as they do in the sources, without cargo. What
//! tells it apart is its [`Manifest`], which names every program that belongs together.

mod archive;
mod binary;
mod manifest;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use archive::{Archive, Contents, EXTENSION};
pub use binary::architecture_of;
pub use manifest::{FileEntry, MANIFEST, Manifest};

/// True when `folder` is an unpacked release.
pub fn is_release(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

/// The release this command was unpacked with, if it was: the folder it lies in.
pub fn beside_command() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        // A link to the command, in a folder of the search path perhaps, leads to the release.
        let command = std::env::current_exe().and_then(std::fs::canonicalize).ok()?;
        command.parent().filter(|folder| is_release(folder)).map(Path::to_path_buf)
    };
    FOUND.get_or_init(find).as_deref()
}

/// How people start this command: through cargo in the sources, by its name in a release.
pub fn invocation() -> &'static str {
    if beside_command().is_some() { "shopflow" } else { IN_SOURCES }
}

/// How hints and messages name the command.
const IN_SOURCES: &str = "cargo shopflow";

/// `text` with the command named as people start it here. Hints are written once, for the sources.
pub fn worded(text: &str) -> String {
    text.replace(IN_SOURCES, invocation())
}
