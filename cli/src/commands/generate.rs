//! `generate`: synthetic data for a folder, or for the landing bucket.

use std::process::ExitCode;

use chrono::Utc;
use shopflow_core::contract::{GenerateEvent, GenerateResult};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::inputs;
use crate::args::Generate;
use crate::console::{Console, seconds};
use crate::release::invocation;
use crate::table::Table;
use crate::target::Target;
use shopflow_page::number::thousands;

/// Writes the data and says what was written.
pub async fn generate(arguments: &Generate) -> Result<ExitCode> {
    if arguments.to_s3 { to_landing(arguments).await } else { to_folder(arguments) }
}

fn to_folder(arguments: &Generate) -> Result<ExitCode> {
    let run_date = arguments.run_date.unwrap_or_else(|| Utc::now().date_naive());
    let started = std::time::Instant::now();
    let spec = arguments.spec.complete();
    let summary = shopflow_generate::write_to_dir(&arguments.out, run_date, &spec)?;
    let took = started.elapsed();
    let mut table = Table::new(&["file", "rows", "bytes"]);
    for file in summary.files.iter().chain([&summary.truths]) {
        table.push([file.path.display().to_string(), thousands(file.rows), thousands(file.bytes)]);
    }
    print!("{}", table.render());
    println!(
        "{} rows, {} bytes in {}",
        thousands(summary.rows),
        thousands(summary.bytes),
        seconds(took)
    );
    Ok(ExitCode::SUCCESS)
}

/// Lets the function write: without a run id its files start a run each, as a user's would.
async fn to_landing(arguments: &Generate) -> Result<ExitCode> {
    inputs::check_generated(&arguments.environment.name)?;
    let target = Target::open_or_up(&arguments.environment.name, Console::stderr()).await?;
    let event = GenerateEvent {
        run_id: None,
        run_date: arguments.run_date,
        spec: arguments.spec.complete(),
    };
    let payload =
        serde_json::to_vec(&event).or_error(ErrorKind::Internal, "encode event failed")?;
    let function = target.stack.function("generate");
    let answer = target.invoke(&function, payload).await?;
    if answer.function_error.is_some() {
        let text = String::from_utf8_lossy(&answer.payload).into_owned();
        return Err(Error::invalid("the function failed").with("function", function).because(text));
    }
    let result: GenerateResult = serde_json::from_slice(&answer.payload)
        .or_error(ErrorKind::Internal, "the function's answer cannot be understood")?;
    for object in &result.objects {
        println!("s3://{}/{}", object.bucket, object.key);
    }
    println!(
        "{} rows, {} bytes; each file starts a run: see `{} status`",
        thousands(result.rows),
        thousands(result.bytes),
        invocation()
    );
    Ok(ExitCode::SUCCESS)
}
