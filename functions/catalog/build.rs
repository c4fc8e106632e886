//! Collects the migrations, whose `COMMENT` statements explain the gold columns: a migration that
//! is added later is found without a list to keep.

use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let folder = Path::new("../../sql/ddl");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    let mut all = String::new();
    for file in files {
        all.push_str(&std::fs::read_to_string(file)?);
        all.push('\n');
    }
    let target = std::env::var_os("OUT_DIR").ok_or(std::io::ErrorKind::NotFound)?;
    std::fs::write(Path::new(&target).join("ddl.sql"), all)
}
