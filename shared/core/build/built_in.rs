//! What build scripts share: a list of the files of a folder, so that each is compiled in by lying
//! there.
//!
//! Scripts take this file in with `#[path]`; one function is not worth a crate that is built for the
//! scripts alone. The list names the files by their place beside the package: two checkouts may share a
//! target folder, and a path of the other one would be stale or gone.

use std::ffi::OsString;
use std::path::Path;

/// Writes names and texts of the files with an `extension` in `folder`, which is named by its place
/// beside the package, as an array, by name without the extension: to `list` in `OUT_DIR`, for
/// `include!`.
///
/// # Errors
/// When the folder cannot be read, or the list not be written.
pub fn write(folder: &str, extension: &str, list: &str) -> std::io::Result<()> {
    println!("cargo:rerun-if-changed={folder}");
    let mut files = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<Vec<OsString>>>()?;
    files.sort();
    let mut lines = String::from("[\n");
    for file in &files {
        let file = file.to_string_lossy();
        let Some((name, _)) = file.rsplit_once('.').filter(|(_, end)| *end == extension) else {
            continue;
        };
        let path = format!("/{folder}/{file}");
        lines.push_str(&format!(
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),\n"
        ));
    }
    lines.push_str("]\n");
    let target = std::env::var_os("OUT_DIR").ok_or(std::io::ErrorKind::NotFound)?;
    std::fs::write(Path::new(&target).join(list), lines)
}
