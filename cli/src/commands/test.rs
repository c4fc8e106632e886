//! `test`: every test, against an emulator and a Postgres of their own that end with it.

use std::process::ExitCode;

use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Test;
use crate::console::Console;
use crate::local::{self, build, database, emulator, home, home::Home, state::State};

/// Variables the tests read; see `shared/testkit`.
const ENDPOINT: &str = "SHOPFLOW_TEST_ENDPOINT";
const DATABASE_URL: &str = "SHOPFLOW_TEST_DATABASE_URL";
const PYTHON: &str = "SHOPFLOW_TEST_PYTHON";

/// Builds, starts the servers, runs `cargo test` and stops the servers, whatever happens.
pub async fn test(arguments: &Test) -> Result<ExitCode> {
    let home = Home::locate()?;
    home.sources()?;
    let home = home.for_tests();
    let console = Console::stderr();
    // Servers of a test run that was killed, and their data.
    local::down(&home, true)?;
    let outcome = tokio::select! {
        // In this order, so that an interruption is noticed from the first moment on.
        biased;
        () = interrupted() => {
            console.note("interrupted");
            Ok(ExitCode::from(130))
        }
        outcome = run(arguments, &home, console) => outcome,
    };
    local::down(&home, false)?;
    console.note(&format!(
        "the test servers are stopped; their logs are in {}",
        home.logs().display()
    ));
    outcome
}

async fn run(arguments: &Test, home: &Home, console: Console) -> Result<ExitCode> {
    // The end-to-end tests deploy what is built here.
    build::functions(home, console).await?;
    let state = local::up_servers(home, console).await?;
    let mut cargo = tests(arguments, home, &state)?;
    let status = cargo
        .kill_on_drop(true)
        .status()
        .await
        .or_error(ErrorKind::Internal, "start cargo test failed")?;
    // Cargo has shown which test failed and why.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

fn tests(arguments: &Test, home: &Home, state: &State) -> Result<Command> {
    let (Some(emulator), Some(postgres), Some(password)) =
        (state.emulator, state.postgres, &state.admin_password)
    else {
        return Err(Error::internal("the test servers are not running"));
    };
    let mut cargo = build::cargo(home);
    // Every failure is worth knowing, not only the first.
    cargo.args(["test", "--release", "--no-fail-fast"]);
    if arguments.package.is_empty() {
        cargo.arg("--workspace");
    }
    for package in &arguments.package {
        cargo.args(["--package", package]);
    }
    if let Some(filter) = &arguments.filter {
        cargo.args(["--", filter]);
    }
    cargo
        .env(ENDPOINT, emulator::endpoint(emulator))
        .env(DATABASE_URL, database::admin_url(postgres, password))
        .env(PYTHON, home.venv().join("bin/python"))
        .env(home::TEST_HOME, home.folder());
    Ok(Command::from(cargo))
}

/// Waits for ctrl-c or a request to end.
async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::local::state::Server;

    #[test]
    fn the_tests_are_told_where_their_servers_are() {
        let home = Home::at(PathBuf::from("/repo"), PathBuf::from("/repo/.shopflow")).for_tests();
        let state = State {
            emulator: Some(Server { pid: 1, port: 4000 }),
            postgres: Some(Server { pid: 2, port: 4001 }),
            admin_password: Some("pw".to_owned()),
            ..State::default()
        };
        let asked =
            Test { filter: Some("ledger".to_owned()), package: vec!["shopflow-load".to_owned()] };
        let command = super::tests(&asked, &home, &state).unwrap();
        let arguments: Vec<_> = command.as_std().get_args().collect();
        assert_eq!(
            arguments,
            ["test", "--release", "--no-fail-fast", "--package", "shopflow-load", "--", "ledger"]
        );
        let variables: Vec<String> = command
            .as_std()
            .get_envs()
            .filter_map(|(name, value)| Some(format!("{}={}", name.to_str()?, value?.to_str()?)))
            .collect();
        assert!(variables.contains(&format!("{ENDPOINT}=http://127.0.0.1:4000")), "{variables:?}");
        assert!(
            variables.contains(&format!(
                "{DATABASE_URL}=postgres://postgres:pw@127.0.0.1:4001/postgres"
            )),
            "{variables:?}"
        );
        assert!(variables.contains(&"SHOPFLOW_TEST_HOME=/repo/.shopflow/test".to_owned()));
        assert!(variables.contains(&format!("{PYTHON}=/repo/.shopflow/venv/bin/python")));
    }
}
