//! The AWS emulator: one process on the loopback address, everything in memory.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use aws_credential_types::Credentials;
use shopflow_core::{ErrorKind, Result, ResultExt};

use super::home::Home;
use super::process::{self, Signal};
use super::python::Python;
use super::state::{Server, State};
use crate::console::Console;

/// Region of the local cloud.
pub const REGION: &str = "us-east-1";
/// Access key and secret key of the local cloud; it takes any.
pub const CREDENTIAL: &str = "test";
/// How long the server may take to answer: its first start on a busy machine takes a while.
const START_LIMIT: Duration = Duration::from_secs(300);
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// What its command line contains.
const MARKER: &str = "ministack";
/// Starts the emulator.
const START: &str = include_str!("../../../local/start_emulator.py");

/// Starts the emulator unless it runs, and notes it in `state`. True when it was started, which
/// means that it is empty.
///
/// # Errors
/// When it does not answer in time, with the end of its log.
pub fn ensure(
    home: &Home,
    python: &Python,
    state: &mut State,
    port: Option<u16>,
    console: Console,
) -> Result<bool> {
    if state.emulator.is_some_and(is_up) {
        return Ok(false);
    }
    let port = process::free_port(port.or(state.emulator.map(|server| server.port)))?;
    let step = console.step(&format!("emulator: starting on 127.0.0.1:{port}"));
    let server = step.check(start(home, python, port))?;
    state.emulator = Some(server);
    state.deployment = None;
    state.write(&home.state_file())?;
    step.done("running");
    Ok(true)
}

/// Stops the emulator and the functions it runs. True when it was running.
///
/// # Errors
/// When it does not stop.
pub fn stop(state: &State) -> Result<bool> {
    let Some(server) = state.emulator else { return Ok(false) };
    process::stop(server.pid, MARKER, Signal::Terminate, STOP_LIMIT)
}

/// True when the emulator noted in the state still answers.
pub fn is_up(server: Server) -> bool {
    process::is_alive(server.pid, MARKER) && is_healthy(server.port)
}

/// Address of an emulator.
pub fn endpoint(server: Server) -> String {
    format!("http://127.0.0.1:{}", server.port)
}

/// SDK configuration for an emulator.
pub async fn aws(server: Server) -> aws_config::SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(endpoint(server))
        .region(REGION)
        .credentials_provider(Credentials::new(CREDENTIAL, CREDENTIAL, None, None, "local"))
        .load()
        .await
}

fn start(home: &Home, python: &Python, port: u16) -> Result<Server> {
    let scratch = home.scratch();
    // Leftovers of an emulator that was killed.
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch)
        .or_error(ErrorKind::Internal, "create scratch folder failed")?;
    let log = home.log("emulator");
    let mut command = python.script(START);
    // Functions inherit this environment, and on AWS they inherit nothing from a laptop: no
    // credentials, no settings.
    command.env_clear().current_dir(&scratch);
    for name in ["PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("TMPDIR", &scratch)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", CREDENTIAL)
        .env("AWS_SECRET_ACCESS_KEY", CREDENTIAL)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("LOG_LEVEL", "WARNING")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Listeners of services that are not used, one of them on every interface.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        // Functions stay warm between the runs of a working day.
        .env("LAMBDA_WARM_TTL_SECONDS", "86400");
    let server = Server { pid: process::spawn_detached(&mut command, &log)?, port };
    let answered = process::wait_until(START_LIMIT, || {
        is_healthy(port) || !process::is_alive(server.pid, MARKER)
    });
    if answered && is_up(server) {
        return Ok(server);
    }
    let _ = process::stop(server.pid, MARKER, Signal::Kill, Duration::ZERO);
    Err(process::failed_with_log("the emulator did not start", &log))
}

/// Asks the emulator's health address, with nothing but a socket.
fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let limit = Duration::from_secs(15);
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(
            b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )?;
        let mut answer = [0_u8; 12];
        stream.read_exact(&mut answer)?;
        Ok(&answer[9..] == b"200")
    };
    ask().unwrap_or(false)
}

/// Removes the emulator's scratch files.
pub fn purge(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}
