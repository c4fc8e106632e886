//! The local cloud: the emulator and a real Postgres on the loopback address, with the same
//! template and the same binaries as on AWS.
//!
//! The emulator keeps everything in memory, so what is in Postgres belongs to one life of it:
//! when the emulator starts over, so does the database.

pub mod account;
pub mod build;
pub mod database;
pub mod deploy;
pub mod emulator;
pub mod function;
pub mod home;
pub mod postgres;
pub mod process;
pub mod python;
pub mod relay;
pub mod state;

use aws_config::SdkConfig;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use tokio::task::JoinSet;

use self::function::Function;
use self::home::Home;
use self::python::Python;
use self::state::State;
use crate::console::Console;
use crate::stack::Stack;

/// A local cloud with the stack deployed to it.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Address of the emulator.
    pub endpoint: String,
    pub aws: SdkConfig,
    pub stack: Stack,
    /// Address of the pipeline's database, password included.
    pub database_url: String,
}

impl Cloud {
    /// A client for the state machines.
    pub fn sfn(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&self.aws)
    }

    /// A client for the buckets.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.aws)
    }
}

/// Brings the local cloud up: functions, Python, servers, database, stack. What is there already
/// is left alone.
///
/// # Errors
/// The step that failed, with the end of its log and what to do.
pub async fn up(home: &Home, port_base: Option<u16>, console: Console) -> Result<Cloud> {
    let _lock = home.lock()?;
    // The servers start while the functions are compiled. When they cannot, the build is given up
    // at once: nobody should wait for it to hear of a missing Python.
    let mut building = JoinSet::new();
    let at = home.clone();
    building.spawn(async move { build::functions(&at, console).await });
    let python = ensure_python(home, console)?;
    start_servers(home, &python, port_base, Some(relay::USUAL_PORT), console).await?;
    let functions = match building.join_next().await {
        Some(ended) => ended.or_error(ErrorKind::Internal, "the build broke off")??,
        None => return Err(Error::internal("nothing was built")),
    };
    deploy_functions(home, &python, &functions, console).await
}

/// Starts both servers, without building or deploying anything.
///
/// # Errors
/// The server that did not start, with the end of its log.
pub async fn up_servers(home: &Home, console: Console) -> Result<State> {
    let _lock = home.lock()?;
    let python = ensure_python(home, console)?;
    start_servers(home, &python, None, None, console).await
}

/// Deploys the stack, from functions that are built, to servers that run. Repeating it costs
/// nothing while nothing changed.
///
/// # Errors
/// When the servers do not run, a function has not been built or SAM fails.
pub async fn deploy(home: &Home, console: Console) -> Result<Cloud> {
    let _lock = home.lock()?;
    let python = ensure_python(home, console)?;
    let functions = build::laid_out(home)?;
    deploy_functions(home, &python, &functions, console).await
}

/// The local cloud as it runs now.
///
/// # Errors
/// `InvalidInput` when it does not run or nothing is deployed.
pub async fn connect(home: &Home) -> Result<Cloud> {
    let state = State::read(&home.state_file())?;
    let not_up = || Error::invalid("the local cloud is not up").hint("run `cargo shopflow up`");
    if !is_up(home, &state) {
        return Err(not_up());
    }
    let deployment = state.deployment.clone().ok_or_else(not_up)?;
    cloud(&state, Stack::new(deploy::ENVIRONMENT, deployment.outputs)).await.ok_or_else(not_up)
}

/// True when both servers run.
pub fn is_up(home: &Home, state: &State) -> bool {
    state.emulator.is_some_and(emulator::is_up)
        && state.postgres.is_some_and(|server| postgres::is_up(home, server))
}

/// Stops both servers; `purge` also removes data and logs, but not the Python environment. True
/// when anything was running.
///
/// # Errors
/// When a server did not stop or the data cannot be removed.
pub fn down(home: &Home, purge: bool) -> Result<bool> {
    if !home.folder().exists() {
        return Ok(false);
    }
    let _lock = home.lock()?;
    let mut state = State::read(&home.state_file())?;
    relay::stop(&state)?;
    let emulator = emulator::stop(&state)?;
    let postgres = postgres::stop(home, &mut state)?;
    if purge {
        postgres::purge(home)?;
        emulator::purge(&home.scratch());
        let _ = std::fs::remove_dir_all(home.logs());
        let _ = std::fs::remove_file(home.state_file());
    }
    Ok(emulator || postgres)
}

/// Makes the Python environment. One with other pins is replaced, so servers that run from it are
/// stopped first: those of the user's local cloud, and those of the tests beside it.
fn ensure_python(home: &Home, console: Console) -> Result<Python> {
    if !Python::is_current(home)? && home.venv().exists() {
        for user in home.sharing_venv() {
            // The lock of `home` itself is held.
            let _lock = if user.folder() == home.folder() { None } else { Some(user.lock()?) };
            let mut state = State::read(&user.state_file())?;
            let emulator = emulator::stop(&state)?;
            if postgres::stop(&user, &mut state)? || emulator {
                console.note(&format!(
                    "• the pinned packages changed: stopped the servers of {}",
                    user.folder().display()
                ));
            }
        }
    }
    Python::ensure(home, console)
}

async fn start_servers(
    home: &Home,
    python: &Python,
    port_base: Option<u16>,
    relay_port: Option<u16>,
    console: Console,
) -> Result<State> {
    let mut state = State::read(&home.state_file())?;
    let second = port_base.map(|port| port.saturating_add(1));
    postgres::ensure(home, python, &mut state, second, console)?;
    let fresh = emulator::ensure(home, python, &mut state, port_base, console)?;
    if fresh || state.database.is_none() {
        let step = console.step("database: making its tables, and the secret with its password");
        step.check(database::create(&mut state).await)?;
        // A new secret and password need a new deployment.
        state.deployment = None;
        state.write(&home.state_file())?;
        step.done("made");
    }
    relay::ensure(home, &mut state, relay_port, console)?;
    Ok(state)
}

async fn deploy_functions(
    home: &Home,
    python: &Python,
    functions: &[Function],
    console: Console,
) -> Result<Cloud> {
    let mut state = State::read(&home.state_file())?;
    if !is_up(home, &state) {
        return Err(Error::invalid("the local cloud is not up").hint("run `cargo shopflow up`"));
    }
    let stack = deploy::ensure(home, python, functions, &mut state, console).await?;
    cloud(&state, stack).await.ok_or_else(|| Error::internal("the local cloud has no database"))
}

async fn cloud(state: &State, stack: Stack) -> Option<Cloud> {
    let (emulator, postgres) = (state.emulator?, state.postgres?);
    Some(Cloud {
        endpoint: emulator::endpoint(emulator),
        aws: emulator::aws(emulator).await,
        stack,
        database_url: database::url(postgres, state.database.as_ref()?),
    })
}
