//! Files that people name on the command line, and what is wrong with them.

use std::io;
use std::path::{Path, PathBuf};

use shopflow_core::{Error, Result};

/// Checks that each of the files is one and can be read, before any work is done for the others.
///
/// # Errors
/// `InvalidInput` that names the first one that cannot, and says what to do.
pub fn check<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Result<()> {
    for file in files {
        let opened = std::fs::File::open(file).map_err(|error| unreadable(file, error))?;
        let metadata = opened.metadata().map_err(|error| unreadable(file, error))?;
        if metadata.is_dir() {
            return Err(Error::invalid("this is a folder, not a file")
                .with("file", file.display())
                .hint("name the files in it one by one"));
        }
    }
    Ok(())
}

/// The error for a file that cannot be read.
pub fn unreadable(file: &Path, error: io::Error) -> Error {
    let (what, hint) = match error.kind() {
        io::ErrorKind::NotFound => ("there is no such file", searched(file)),
        io::ErrorKind::PermissionDenied => {
            ("the file may not be read", "give your user the right to read it".to_owned())
        }
        _ => {
            ("read file failed", "check that it is a file and that its disk is in order".to_owned())
        }
    };
    Error::invalid(what).with("file", file.display()).because(error).hint(hint)
}

/// Where a path leads to: it may have been meant from another folder.
fn searched(file: &Path) -> String {
    match std::env::current_dir() {
        Ok(folder) if file.is_relative() => {
            format!("check the name; it was looked for in {}", folder.display())
        }
        _ => "check the name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_with_the_folder_it_was_looked_for_in() {
        let missing = PathBuf::from("no/such/products.csv");
        let text = check([&missing]).unwrap_err().to_string();
        let here = std::env::current_dir().unwrap();
        for part in ["there is no such file", "file=no/such/products.csv", here.to_str().unwrap()] {
            assert!(text.contains(part), "'{part}' is missing in: {text}");
        }
    }

    #[test]
    fn a_folder_is_no_file_and_all_files_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("products.csv");
        std::fs::write(&file, "id\n").unwrap();
        check([&file, &file]).unwrap();
        let text = check([&file, &folder.path().to_owned()]).unwrap_err().to_string();
        assert!(text.contains("this is a folder"), "{text}");
    }
}
