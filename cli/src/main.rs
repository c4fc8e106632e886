//! `shopflow`: one command for the local cloud and for the stack on AWS.

use std::process::ExitCode;

use clap::Parser;
use shopflow::args::Arguments;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match shopflow::commands::dispatch(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
