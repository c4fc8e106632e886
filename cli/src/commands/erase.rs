//! `erase`: the right to erasure, with proof.

use std::process::ExitCode;

use shopflow_core::{Result, keys};

use super::run::pretty;
use crate::args::Erase;
use crate::erase::{self, Request};
use crate::target::Target;

/// Erases a customer. Exit code 1 when a value was still found afterwards.
pub async fn erase(arguments: &Erase) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    let customer = arguments.customer;
    let request_id = arguments.request.clone().unwrap_or_else(|| format!("customer-{customer}"));
    let request = Request { customer, request_id, dry_run: arguments.dry_run };
    let proof = erase::erase(&target, &request).await?;
    if arguments.json {
        println!("{}", pretty(&proof)?);
    } else {
        print!("{}", proof.render());
        if !proof.dry_run {
            let key = keys::erasure(&proof.request_id);
            println!("proof: s3://{}/{key}", target.stack.reports()?);
        }
    }
    Ok(if proof.search.found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
