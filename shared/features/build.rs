//! Lists the definitions, so that one is compiled in by lying in the folder.
//!
//! The list names them by their place beside this package: two checkouts may share a target folder, and
//! a path of the other one would be stale or gone.

use std::ffi::OsString;
use std::path::Path;

const FOLDER: &str = "../../features";

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed={FOLDER}");
    let mut files = std::fs::read_dir(FOLDER)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<Vec<OsString>>>()?;
    files.sort();
    let mut list = String::from("[\n");
    for file in &files {
        let file = file.to_string_lossy();
        let Some(name) = file.strip_suffix(".yaml") else { continue };
        let path = format!("/{FOLDER}/{file}");
        list.push_str(&format!(
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),\n"
        ));
    }
    list.push_str("]\n");
    let target = std::env::var_os("OUT_DIR").ok_or(std::io::ErrorKind::NotFound)?;
    std::fs::write(Path::new(&target).join("features.rs"), list)
}
