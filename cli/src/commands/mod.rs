//! The commands, each a page: arguments in, library calls, words out.

mod accept;
mod archive;
mod check;
mod cloud;
mod dashboard;
mod data_docs;
mod env;
mod erase;
mod features;
mod follow;
mod generate;
mod inputs;
mod opener;
mod package;
mod quarantine;
mod redrive;
mod reference;
mod report;
mod run;
mod status;
mod stream;
mod suggest;
mod test;
mod user;
mod withdraw;

use std::process::ExitCode;

use shopflow_core::Result;

use crate::args::{Arguments, Command};

/// Runs the command that was asked for.
///
/// # Errors
/// What the command could not do. A run that fails is not an error but exit code 1.
pub async fn dispatch(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Up(up) => cloud::up(&up).await,
        Command::Down(down) => cloud::down(&down),
        Command::Doctor => cloud::doctor(),
        Command::Run(run) => run::run(&run).await,
        Command::Backfill(backfill) => run::backfill(&backfill).await,
        Command::Status(status) => status::status(&status).await,
        Command::Stream(stream) => stream::stream(&stream).await,
        Command::Dashboard(dashboard) => dashboard::dashboard(&dashboard).await,
        Command::Quarantine(quarantine) => quarantine::quarantine(&quarantine).await,
        Command::Redrive(redrive) => redrive::redrive(&redrive).await,
        Command::Erase(erase) => erase::erase(&erase).await,
        Command::Withdraw(withdraw) => withdraw::withdraw(&withdraw).await,
        Command::Report(report) => report::report(&report).await,
        Command::Features(command) => features::features(&command).await,
        Command::Docs(docs) => data_docs::docs(&docs).await,
        Command::Check(check) => check::check(&check).await,
        Command::Suggest(suggest) => suggest::suggest(&suggest).await,
        Command::Plans(plans) => reference::plans(&plans).await,
        Command::Dictionary(dictionary) => reference::dictionary(&dictionary).await,
        Command::Lineage(lineage) => reference::lineage(&lineage),
        Command::Generate(generate) => generate::generate(&generate).await,
        Command::Package(package) => package::package(&package).await,
        Command::Env => env::env().await,
        Command::Relay(relay) => cloud::relay(&relay),
        Command::Archive(archive) => archive::archive(&archive).await,
        Command::Test(test) => test::test(&test).await,
    }
}
