//! Servers that outlive the command, and helper programs that do not.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// How long a process may take to appear, or to go once it was killed: a busy machine takes a while.
const LIMIT: Duration = Duration::from_secs(60);
/// Lines of a log that are shown when something fails.
const TAIL_LINES: usize = 15;

/// Starts `command` in a process group of its own, so that a ctrl-c in the terminal does not reach
/// it, with its output appended to `log`. The process id.
///
/// # Errors
/// When the program or the log file cannot be opened.
pub fn spawn_detached(command: &mut Command, log: &Path) -> Result<u32> {
    let (output, errors) = log_pair(log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| cannot_start(command, error))?;
    let pid = child.id();
    // A new process has no command line for a moment, and would look like one that ended.
    wait_until(LIMIT, || {
        command_line(pid).is_some_and(|line| !line.is_empty())
            || !matches!(child.try_wait(), Ok(None))
    });
    Ok(pid)
}

/// Runs `command` to its end with its output in `log`.
///
/// # Errors
/// When it cannot be started or fails: `what` failed, with the last lines of the log.
pub fn run_logged(command: &mut Command, log: &Path, what: &str) -> Result<()> {
    let (output, errors) = log_pair(log)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(|error| cannot_start(command, error))?;
    if status.success() {
        return Ok(());
    }
    Err(failed_with_log(&format!("{what} failed ({status})"), log))
}

/// Runs `command` and returns what it printed.
///
/// # Errors
/// When it cannot be started or fails, with what it wrote to standard error.
pub fn run_captured(command: &mut Command, what: &str) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, error))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::internal(format!("{what} failed ({})", output.status)).because(text));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// An error that quotes the end of a log.
pub fn failed_with_log(what: &str, log: &Path) -> Error {
    Error::internal(what.to_owned())
        .because(format!("\n{}", tail(log, TAIL_LINES)))
        .hint(format!("the whole log is {}", log.display()))
}

/// The last lines of a file; empty when it cannot be read.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// True when process `pid` runs and its command line contains `marker`. The marker guards against
/// a process id that another program has taken over since.
pub fn is_alive(pid: u32, marker: &str) -> bool {
    command_line(pid).is_some_and(|line| line.contains(marker))
}

fn command_line(pid: u32) -> Option<String> {
    if Path::new("/proc/self").exists() {
        // Empty for a process that ended and was not waited for.
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let mut ps = Command::new("ps");
    ps.args(["-o", "command=", "-p", &pid.to_string()]);
    run_captured(&mut ps, "ps").ok()
}

/// How a process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ends after cleaning up.
    Terminate,
    /// Postgres: disconnects its clients and ends ("fast" shutdown).
    Interrupt,
    /// Ends at once.
    Kill,
}

/// Ends process `pid` if it still is the one with `marker`: first `signal`, then after `grace` a
/// kill of its whole group. True when it was running.
///
/// # Errors
/// When it survives even that.
pub fn stop(pid: u32, marker: &str, signal: Signal, grace: Duration) -> Result<bool> {
    if !is_alive(pid, marker) {
        return Ok(false);
    }
    send(signal, &pid.to_string());
    if !wait_until(grace, || !is_alive(pid, marker)) {
        send(Signal::Kill, &pid.to_string());
    }
    // Workers of the server live in its group and may outlive it.
    send(Signal::Kill, &format!("-{pid}"));
    if wait_until(LIMIT, || !is_alive(pid, marker)) {
        return Ok(true);
    }
    Err(Error::internal("a server did not stop").with("pid", pid).with("program", marker))
}

fn send(signal: Signal, target: &str) {
    let name = match signal {
        Signal::Terminate => "TERM",
        Signal::Interrupt => "INT",
        Signal::Kill => "KILL",
    };
    // The shell's own kill: every system has it. A target that is gone already is fine.
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\" 2>/dev/null", "sh", name, target])
        .status();
}

/// Checks `condition` until it holds or `limit` is over; whether it held.
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// The port to serve on: `wanted` if it is free, else any free one. Loopback only.
///
/// # Errors
/// When the system has no free port.
pub fn free_port(wanted: Option<u16>) -> Result<u16> {
    let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match wanted.map(bind) {
        Some(Ok(listener)) => Ok(listener),
        _ => bind(0),
    };
    listener
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .or_error(ErrorKind::Internal, "no free port on the loopback address")
}

/// True when something accepts connections on the loopback port.
pub fn accepts(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

fn log_pair(log: &Path) -> Result<(File, File)> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)
            .or_error(ErrorKind::Internal, "create log folder failed")?;
    }
    let open = || -> std::io::Result<(File, File)> {
        let file = File::options().create(true).append(true).open(log)?;
        let copy = file.try_clone()?;
        Ok((file, copy))
    };
    open().map_err(|error| {
        Error::internal("open log file failed").with("path", log.display()).because(error)
    })
}

fn cannot_start(command: &Command, error: std::io::Error) -> Error {
    Error::internal("a program cannot be started")
        .with("program", command.get_program().to_string_lossy())
        .because(error)
}

#[cfg(test)]
mod tests {
    use shopflow_testkit::wait::PATIENCE;

    use super::*;

    #[test]
    fn a_detached_process_is_recognised_and_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/sleep.log");
        let mut command = Command::new("sleep");
        command.arg("4321");
        let pid = spawn_detached(&mut command, &log).unwrap();
        assert!(is_alive(pid, "sleep 4321"));
        assert!(!is_alive(pid, "postgres"), "another program's marker does not match");
        assert!(stop(pid, "sleep 4321", Signal::Terminate, PATIENCE).unwrap());
        assert!(!is_alive(pid, "sleep 4321"));
        assert!(!stop(pid, "sleep 4321", Signal::Terminate, PATIENCE).unwrap());
    }

    #[test]
    fn a_process_that_ignores_the_signal_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        let script = "trap '' TERM; echo deaf; while :; do sleep 0.05; done; : stubborn";
        command.args(["-c", script]);
        let log = folder.path().join("log");
        let pid = spawn_detached(&mut command, &log).unwrap();
        assert!(wait_until(PATIENCE, || tail(&log, 1) == "deaf" && is_alive(pid, "stubborn")));
        assert!(stop(pid, "stubborn", Signal::Terminate, Duration::from_millis(200)).unwrap());
        assert!(!is_alive(pid, "stubborn"));
    }

    #[test]
    fn a_failing_program_shows_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 40; echo the reason >&2; exit 3"]);
        let text = run_logged(&mut command, &log, "counting").unwrap_err().to_string();
        assert!(text.starts_with("counting failed (exit status: 3)"), "{text}");
        assert!(text.contains("40\nthe reason"), "{text}");
        assert!(!text.contains("\n20\n"), "only the end is shown: {text}");
        assert!(text.contains(&log.display().to_string()), "{text}");
    }

    #[test]
    fn a_wanted_port_is_kept_unless_it_is_taken() {
        let free = free_port(None).unwrap();
        assert_eq!(free_port(Some(free)).unwrap(), free);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, free)).unwrap();
        assert_ne!(free_port(Some(free)).unwrap(), free);
    }
}
