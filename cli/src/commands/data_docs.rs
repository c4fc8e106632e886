//! `docs`: the data docs, to read without the bucket.

use std::process::ExitCode;

use shopflow_core::Result;

use super::opener::open;
use crate::args::Docs;
use crate::data_docs::fetch;
use crate::target::Target;

/// Fetches the data docs into a folder and says where they begin.
pub async fn docs(arguments: &Docs) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    let most = arguments.runs as usize;
    let fetched = fetch(&target.storage(), target.stack.reports()?, &arguments.out, most).await?;
    println!(
        "data docs of {} runs: {} files fetched, {} unchanged",
        fetched.runs, fetched.fetched, fetched.kept
    );
    println!("{}", fetched.index.display());
    if arguments.open && !open(&fetched.index) {
        eprintln!("no program was found that opens pages: open the file in a browser");
    }
    Ok(ExitCode::SUCCESS)
}
