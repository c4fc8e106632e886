//! The shop as files in a folder, for the command line.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use shopflow_core::contract::GenerateSpec;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt};

use crate::shop::{Shop, Written};

const TRUTHS: &str = "defects.jsonl";

/// One written file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    pub path: PathBuf,
    /// Data rows, without the header.
    pub rows: u64,
    pub bytes: u64,
}

/// What [`write_to_dir`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Those of [`crate::datasets`].
    pub files: Vec<FileSummary>,
    /// The true list of planted defects; its rows are their number.
    pub truths: FileSummary,
    /// Data rows over all files, truths not counted.
    pub rows: u64,
    /// Bytes over all files, truths not counted.
    pub bytes: u64,
}

/// Writes `customers.csv`, `products.csv`, `transactions.csv`, `clickstream.jsonl` and
/// `defects.jsonl`, in the full profile `exchange_rates.csv` and `payments.csv` too, into `dir` (the
/// command line passes `data/raw`), which is created if need be.
///
/// The files are written side by side and get their names only when complete.
///
/// # Errors
/// `InvalidInput` when the spec is wrong or a file cannot be written.
pub fn write_to_dir(dir: &Path, run_date: NaiveDate, spec: &GenerateSpec) -> Result<Summary> {
    let shop = Shop::new(run_date, spec)?;
    fs::create_dir_all(dir)
        .or_error(ErrorKind::InvalidInput, "create folder failed")
        .map_err(|error| error.with("path", dir.display()))?;
    let (files, truths) = std::thread::scope(|scope| {
        let shop = &shop;
        let start = |&dataset: &Dataset| {
            let path = dir.join(file_name(dataset));
            scope.spawn(move || write_file(path, |file| shop.write(dataset, file)))
        };
        let threads: Vec<_> = crate::datasets(spec.profile).iter().map(start).collect();
        let truths = write_file(dir.join(TRUTHS), |file| shop.write_truths(file_name, file));
        let files: Result<Vec<FileSummary>> = threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(file) => file,
                Err(_) => Err(Error::internal("a writing thread stopped")),
            })
            .collect();
        (files, truths)
    });
    let files = files?;
    Ok(Summary {
        truths: truths?,
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        files,
    })
}

fn file_name(dataset: Dataset) -> String {
    format!("{dataset}.{}", dataset.extension())
}

fn write_file(
    path: PathBuf,
    write: impl FnOnce(&File) -> io::Result<Written>,
) -> Result<FileSummary> {
    let partial = path.with_extension("partial");
    let written = File::create(&partial)
        .and_then(|file| write(&file))
        .and_then(|written| fs::rename(&partial, &path).map(|()| written))
        .or_error(ErrorKind::InvalidInput, "write file failed")
        .map_err(|error| {
            error.with("path", path.display()).hint("check the folder's permissions and free space")
        })?;
    Ok(FileSummary { path, rows: written.rows, bytes: written.bytes })
}
