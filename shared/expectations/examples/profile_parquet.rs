//! Profiles Parquet files and prints one JSON object: rows, seconds, the profile of each column and
//! the peak memory.
//!
//!     cargo run --release -p shopflow-expectations --example profile_parquet --features parquet -- FOLDER [THREADS]
//!
//! The files of the folder have one schema; each thread reads a part of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use shopflow_core::Result;
use shopflow_expectations::source::parquet;
use shopflow_expectations::{Options, Plan, State, Suite, into_error};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rest @ ..] = arguments.as_slice() else {
        return Err("usage: profile_parquet FOLDER [THREADS]".into());
    };
    let threads: usize = rest.first().map_or(Ok(1), |threads| threads.parse())?;
    let files = files(Path::new(folder))?;
    let first = files.first().ok_or("the folder has no Parquet file")?;
    let schema = Arc::new(parquet::schema(File::open(first)?)?);
    let options = Options { profile: true, ..Options::default() };
    let suite = Suite::new("profile");
    let plan = Plan::compile(&suite, schema, &options)
        .map_err(|problems| into_error(&suite.name, &problems))?;
    let started = Instant::now();
    let state = collect(&plan, &files, threads)?;
    let profile = state.profile().ok_or("the plan has no profile")?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({
            "rows": state.rows(), "seconds": seconds, "peak_mb": peak_mb(), "columns": profile.columns,
        })
    );
    Ok(())
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    Ok(files)
}

/// The state of all files, merged in their order.
fn collect(plan: &Arc<Plan>, files: &[PathBuf], threads: usize) -> Result<State> {
    let part = files.len().div_ceil(threads.max(1)).max(1);
    let of_file = |file: &PathBuf| {
        let file = File::open(file).map_err(|error| {
            shopflow_core::Error::invalid("open a Parquet file failed").because(error)
        })?;
        parquet::validate(plan, file)
    };
    let of_part = |files: &[PathBuf]| {
        let mut all = State::new(plan);
        files.iter().try_for_each(|file| all.merge(of_file(file)?))?;
        Ok(all)
    };
    std::thread::scope(|scope| {
        let of_part = &of_part;
        let threads: Vec<_> =
            files.chunks(part).map(|files| scope.spawn(move || of_part(files))).collect();
        let mut all = State::new(plan);
        for thread in threads {
            let part =
                thread.join().map_err(|_| shopflow_core::Error::internal("a reader died"))?;
            all.merge(part?)?;
        }
        Ok(all)
    })
}

/// Peak resident memory in megabytes, 0 where the system does not tell.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kb.unwrap_or(0.0) / 1024.0
}
