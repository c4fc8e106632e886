//! Seconds and peak memory that a point-in-time join takes, over Parquet files on disk. `bench/features`
//! uses it.
//!
//! ```sh
//! cargo run --release -p shopflow-features --example point_in_time -- make <folder> 1000000 5000000 4
//! cargo run --release -p shopflow-features --example point_in_time -- run <folder>
//! ```
//!
//! `make` writes `spine.parquet` with that many rows, and that many rows of a view with five features
//! in that many files `view-….parquet`, each with what was known in one span of time. Further
//! arguments: keys (100,000); `late` for rows that were known late or corrected, else each is known
//! at once; `text` for keys that are texts. The same arguments make the same files.
//!
//! `run` joins the files of such a folder and prints one JSON object. Further arguments: `ttl=` days,
//! `rounds=` (5), `part_rows=`, `out=` a Parquet file to write the answers of the last round to;
//! `stream` lets go of each batch of answers instead of holding all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod data;
mod files;

use std::path::Path;
use std::time::Instant;

use arrow::array::RecordBatch;
use serde_json::json;
use shopflow_core::Result;
use shopflow_features::join::{Options, Rows, Side, join};

use files::{Folder, SpineFile, pieces, write};

const DAY: i64 = 86_400_000_000;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &arguments[..] {
        ["make", folder, spine, rows, files, options @ ..] => {
            let keys = options.iter().find_map(|option| option.parse().ok()).unwrap_or(100_000);
            let made = data::Made {
                spine: spine.parse()?,
                rows: rows.parse()?,
                files: files.parse()?,
                keys,
                is_late: options.contains(&"late"),
                is_text: options.contains(&"text"),
            };
            made.write(Path::new(folder));
            println!("{{}}");
        }
        ["run", folder, options @ ..] => run(Path::new(folder), options)?,
        _ => return Err("usage: point_in_time make <folder> <spine rows> <view rows> <files> [keys] [late] \
                         [text] | run <folder> [ttl=days] [rounds=n] [part_rows=n] [out=file] [stream]"
            .into()),
    }
    Ok(())
}

fn run(folder: &Path, options: &[&str]) -> Result<()> {
    let option =
        |name: &str| options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str| option(name).map(|value| value.parse::<usize>().expect("a number"));
    let ttl = number("ttl").map(|days| days as i64 * DAY);
    let is_stream = options.contains(&"stream");
    let out = option("out").map(Path::new);
    let mut join_options = Options::default();
    if let Some(rows) = number("part_rows") {
        join_options.part_rows = rows;
    }
    let rounds = number("rounds").unwrap_or(5);
    let mut seconds = Vec::new();
    let (mut rows, mut present) = (0, 0);
    for round in 0..rounds {
        let started = Instant::now();
        let spine = SpineFile::open(&folder.join("spine.parquet"));
        let files = data::view_files(folder);
        let sides = [side(&files, &spine, ttl)];
        let spill = Folder::new(folder);
        let joined = join(&spine, &sides, &join_options, &spill)?;
        (rows, present) = (0, 0);
        let mut held = Vec::new();
        let mut count = |batch: &RecordBatch| {
            rows += batch.num_rows();
            let feature = batch.column(batch.num_columns() - 1);
            present += feature.len() - feature.null_count();
        };
        if is_stream {
            let mut counted = joined.inspect(|batch| batch.iter().for_each(&mut count));
            match out {
                Some(out) => write(out, counted)?,
                None => counted.try_for_each(|batch| batch.map(drop))?,
            }
        } else {
            held = joined.collect::<Result<Vec<RecordBatch>>>()?;
        }
        held.iter().for_each(&mut count);
        seconds.push(started.elapsed().as_secs_f64());
        if let Some(out) = out.filter(|_| !is_stream && round + 1 == rounds) {
            write(out, held.into_iter().map(Ok))?;
        }
    }
    let best = seconds.iter().copied().fold(f64::MAX, f64::min);
    println!(
        "{}",
        json!({
            "seconds": best, "rounds": seconds, "rows": rows, "present": present, "peak_mb": peak_mb(),
        })
    );
    Ok(())
}

fn side<'a>(files: &[std::path::PathBuf], spine: &SpineFile, ttl: Option<i64>) -> Side<'a> {
    let pieces = files.iter().flat_map(|path| pieces(path));
    Side {
        view: "view".to_owned(),
        keys: vec![(data::KEY.to_owned(), spine.key_type())],
        ttl,
        features: data::features(),
        shows_event_timestamp: false,
        shows_status: false,
        files: pieces.map(|piece| Box::new(piece) as Box<dyn Rows>).collect(),
    }
}

/// Peak resident memory in megabytes, 0 where the system does not tell.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kb.unwrap_or(0.0) / 1024.0
}
