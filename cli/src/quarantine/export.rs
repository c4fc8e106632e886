//! Refused rows in a file of the user's, as they were, so that they can be repaired.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use shopflow_core::{Error, ErrorKind, Result, Storage};

use super::files::Entry;
use super::repair;
use super::rows::Rows;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub rows: u64,
    /// Rows of which quarantine has only the beginning; they are not in the file.
    pub cut: u64,
    /// Why the header is the dataset's and not that of the file the rows came in.
    pub doubt: Option<String>,
}

/// Writes the rows of a quarantine file, or those that broke `rule`, under their header to a new
/// file that only its owner may read.
///
/// # Errors
/// `InvalidInput` when the file is there already or cannot be written.
pub async fn save(
    storage: &Storage,
    entry: &Entry,
    rule: Option<&str>,
    path: &Path,
) -> Result<Saved> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let file =
        file.map_err(|error| unwritable(path, error).hint("name a file that is not there yet"))?;
    let mut file = BufWriter::new(file);
    let outcome = save_to(storage, entry, rule, path, &mut file).await;
    if outcome.is_err() {
        // What was written so far is of no use, and may be personal.
        let _ = std::fs::remove_file(path);
    }
    outcome
}

async fn save_to(
    storage: &Storage,
    entry: &Entry,
    rule: Option<&str>,
    path: &Path,
    file: &mut BufWriter<File>,
) -> Result<Saved> {
    let mut write = |line: &[u8]| {
        file.write_all(line)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(|error| unwritable(path, error))
    };
    let (header, doubt) = header(storage, entry).await?;
    if let Some(header) = header {
        write(&header)?;
    }
    let mut saved = Saved { rows: 0, cut: 0, doubt };
    let mut rows = Rows::open(storage, &entry.object()).await?;
    while let Some(row) = rows.next().await? {
        if rule.is_some_and(|rule| row.rule != rule) {
            continue;
        }
        match repair::row(&row) {
            Some(bytes) => {
                write(&bytes)?;
                saved.rows += 1;
            }
            None => saved.cut += 1,
        }
    }
    file.flush().map_err(|error| unwritable(path, error))?;
    Ok(saved)
}

async fn header(storage: &Storage, entry: &Entry) -> Result<(Option<Vec<u8>>, Option<String>)> {
    let had_header = repair::had_header(&entry.reasons);
    let found = match &entry.source {
        Some(source) => repair::header(storage, entry.dataset, source, had_header).await,
        None => Err(Error::invalid("the validation report of the file is gone")),
    };
    match found {
        Ok(header) => Ok((header, None)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let header = repair::fallback(entry.dataset);
            let doubt = header.is_some().then(|| error.to_string());
            Ok((header, doubt))
        }
        Err(error) => Err(error),
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::invalid("write file failed").with("file", path.display()).because(error)
}
