//! `shopflow`: one command for the local cloud and for the stack on AWS.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use shopflow::args::Arguments;
use shopflow::release;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let matches = Arguments::command().bin_name(release::invocation()).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match shopflow::commands::dispatch(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", release::worded(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}
