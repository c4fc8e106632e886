//! Lets `cargo lambda invoke <function>` reach the local cloud without a further word.
//!
//! Without `--remote`, `cargo lambda invoke` calls the address of `cargo lambda watch`,
//! `[::1]:9000`. A small process listens there and hands every call to the emulator, with the
//! function's name on the stack in place of its own: `generate` is `shopflow-local-generate`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::deploy;
use super::home::Home;
use super::process::{self, Signal};
use super::state::{Server, State};
use crate::console::Console;
use crate::stack::Stack;

/// Where `cargo lambda invoke` calls by itself.
pub const USUAL_PORT: u16 = 9000;
/// What its command line contains.
const MARKER: &str = "relay --port";
/// The most a request's head may be, in bytes.
const HEAD_LIMIT: u64 = 64 * 1024;
const START_LIMIT: Duration = Duration::from_secs(60);

/// Starts the relay unless it runs, and notes it in `state`. Another program on the port is no
/// failure: everything but the short form of `cargo lambda invoke` works without the relay.
///
/// # Errors
/// When the state cannot be written or the program does not start.
pub fn ensure(home: &Home, state: &mut State, port: Option<u16>, console: Console) -> Result<()> {
    let Some(target) = state.emulator else { return Ok(()) };
    if state.relay.is_some_and(|relay| is_up(relay, target)) {
        return Ok(());
    }
    stop(state)?;
    state.relay = None;
    let Ok(port) = free_port(port.unwrap_or(0)) else {
        console.note(&format!(
            "• port {USUAL_PORT} is taken: `cargo lambda invoke` needs `--remote {}` here",
            Stack::function_name(deploy::ENVIRONMENT, "<function>")
        ));
        return state.write(&home.state_file());
    };
    let program =
        std::env::current_exe().or_error(ErrorKind::Internal, "path of this program is unknown")?;
    let mut command = Command::new(program);
    command.args(["relay", "--port", &port.to_string(), "--target", &target.port.to_string()]);
    let relay = Server { pid: process::spawn_detached(&mut command, &home.log("relay"))?, port };
    process::wait_until(START_LIMIT, || accepts(port) || !process::is_alive(relay.pid, MARKER));
    // Not a server without which nothing works: a program that is not `shopflow` itself has none.
    state.relay = Some(relay).filter(|relay| is_up(*relay, target));
    state.write(&home.state_file())
}

/// Stops the relay.
///
/// # Errors
/// When it does not stop.
pub fn stop(state: &State) -> Result<bool> {
    let Some(relay) = state.relay else { return Ok(false) };
    process::stop(relay.pid, MARKER, Signal::Terminate, Duration::from_secs(2))
}

fn is_up(relay: Server, target: Server) -> bool {
    process::is_alive(relay.pid, &format!("{MARKER} {} --target {}", relay.port, target.port))
        && accepts(relay.port)
}

fn free_port(port: u16) -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv6Addr::LOCALHOST, port))?.local_addr()?.port())
}

fn accepts(port: u16) -> bool {
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

/// Serves until the process ends.
///
/// # Errors
/// When the port cannot be listened on.
pub fn serve(port: u16, target: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, port))
        .or_error(ErrorKind::Internal, "listen for cargo lambda failed")?;
    for connection in listener.incoming() {
        let Ok(connection) = connection else { continue };
        thread::spawn(move || {
            if let Err(error) = relay(connection, target) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

/// Passes one request on and its answer back.
fn relay(client: TcpStream, target: u16) -> Result<()> {
    let failed = |error: std::io::Error| Error::internal("relay of a call failed").because(error);
    let mut from_client = BufReader::new(client.try_clone().map_err(failed)?);
    let head = read_head(&mut from_client).map_err(failed)?;
    let mut emulator = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).map_err(|error| {
        Error::internal("the emulator does not answer")
            .because(error)
            .hint("run `cargo shopflow up`")
    })?;
    emulator.write_all(rewritten(&head).as_bytes()).map_err(failed)?;
    let mut to_emulator = emulator.try_clone().map_err(failed)?;
    // Ends when the client has its answer and closes.
    thread::spawn(move || std::io::copy(&mut from_client, &mut to_emulator));
    let mut to_client = client.try_clone().map_err(failed)?;
    std::io::copy(&mut emulator, &mut to_client).map_err(failed)?;
    let _ = client.shutdown(Shutdown::Both);
    Ok(())
}

/// The lines up to the empty one, which is included.
fn read_head(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut limited = reader.take(HEAD_LIMIT);
    let mut head = String::new();
    while limited.read_line(&mut head)? > 2 {}
    Ok(head)
}

/// The request with the name the function has on the stack, for one answer per connection.
fn rewritten(head: &str) -> String {
    let mut lines = head.split_inclusive("\r\n");
    let prefix = Stack::function_name(deploy::ENVIRONMENT, "");
    let request = lines.next().unwrap_or_default();
    let mut text = match request.split_once("/functions/") {
        Some((before, name)) if !name.starts_with(&prefix) => {
            format!("{before}/functions/{prefix}{name}")
        }
        _ => request.to_owned(),
    };
    for line in lines {
        if line == "\r\n" {
            text.push_str("connection: close\r\n");
        }
        let name = line.split(':').next().unwrap_or_default();
        if !name.eq_ignore_ascii_case("connection") {
            text.push_str(line);
        }
    }
    text
}

/// Address of a relay, as `cargo lambda invoke` takes it.
pub fn endpoint(relay: Server) -> (String, u16) {
    (Ipv6Addr::LOCALHOST.to_string(), relay.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_gets_the_function_s_name_on_the_stack() {
        let head = "POST /2015-03-31/functions/load/invocations HTTP/1.1\r\nhost: x\r\n\
                    Connection: keep-alive\r\n\r\n";
        assert_eq!(
            rewritten(head),
            "POST /2015-03-31/functions/shopflow-local-load/invocations HTTP/1.1\r\nhost: x\r\n\
             connection: close\r\n\r\n"
        );
        let whole = "POST /2015-03-31/functions/shopflow-local-load/invocations HTTP/1.1\r\n\r\n";
        assert!(rewritten(whole).starts_with(whole.trim_end()), "{}", rewritten(whole));
    }

    #[test]
    fn body_and_answer_pass_unchanged() {
        let emulator = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let target = emulator.local_addr().unwrap().port();
        let answering = thread::spawn(move || {
            let (mut stream, _) = emulator.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let head = read_head(&mut reader).unwrap();
            let mut body = [0; 9];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            (head, body)
        });
        let port = free_port(0).unwrap();
        thread::spawn(move || serve(port, target));
        assert!(process::wait_until(START_LIMIT, || TcpListener::bind((
            Ipv6Addr::LOCALHOST,
            port
        ))
        .is_err()));
        let mut client = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        client
            .write_all(b"POST /2015-03-31/functions/load/invocations HTTP/1.1\r\ncontent-length: 9\r\n\r\n{\"a\": 17}")
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        let (head, body) = answering.join().unwrap();
        assert!(head.contains("/functions/shopflow-local-load/"), "{head}");
        assert_eq!(&body, b"{\"a\": 17}");
        assert!(answer.ends_with("{}"), "{answer}");
    }
}
