//! Lists the definitions and their SQL, so that one is compiled in by lying in the folder.
//!
//! The list names them by their place beside this package: two checkouts may share a target folder, and
//! a path of the other one would be stale or gone.

use std::ffi::OsString;
use std::path::Path;

const FOLDER: &str = "../../features";

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed={FOLDER}");
    let mut list = String::from("[\n");
    for (folder, extension) in [("", ".yaml"), ("sql/", ".sql")] {
        let mut files = std::fs::read_dir(format!("{FOLDER}/{folder}"))?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<std::io::Result<Vec<OsString>>>()?;
        files.sort();
        for file in &files {
            let name = format!("{folder}{}", file.to_string_lossy());
            if !name.ends_with(extension) {
                continue;
            }
            let path = format!("/{FOLDER}/{name}");
            list.push_str(&format!(
                "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),\n"
            ));
        }
    }
    list.push_str("]\n");
    let target = std::env::var_os("OUT_DIR").ok_or(std::io::ErrorKind::NotFound)?;
    std::fs::write(Path::new(&target).join("features.rs"), list)
}
