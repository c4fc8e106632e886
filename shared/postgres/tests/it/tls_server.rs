//! A Postgres that only talks TLS, with a certificate made for it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shopflow_testkit::wait::PATIENCE;
use tempfile::TempDir;

pub const PASSWORD: &str = "tls-test";

/// Stops the server when dropped.
pub struct TlsServer {
    process: Child,
    folder: TempDir,
    pub port: u16,
}

impl TlsServer {
    /// Starts a server, `None` when `SHOPFLOW_SKIP_TLS_TEST=1` says that there is none here.
    pub fn start() -> Option<TlsServer> {
        if std::env::var("SHOPFLOW_SKIP_TLS_TEST").is_ok_and(|value| value == "1") {
            eprintln!("skipped: SHOPFLOW_SKIP_TLS_TEST=1");
            return None;
        }
        let Some(bin) = server_binaries() else {
            panic!(
                "no Postgres server binaries found: install the Debian package `postgresql` (or \
                 put initdb and postgres on the PATH), or set SHOPFLOW_SKIP_TLS_TEST=1"
            );
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        authority(path, "ca");
        authority(path, "stranger");
        server_certificate(path);
        fs::write(path.join("password"), PASSWORD).unwrap();
        let owner = unprivileged_user();
        give(path, owner);

        let data = path.join("data");
        let mut init = Command::new(bin.join("initdb"));
        init.args(["--auth=scram-sha-256", "--username=postgres", "--no-sync", "-D"])
            .arg(&data)
            .arg("--pwfile")
            .arg(path.join("password"));
        run(as_user(&mut init, owner));
        fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n")
            .unwrap();

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new(bin.join("postgres"));
        server
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "fsync=off", "-c", "ssl=on"])
            .arg("-k")
            .arg(path)
            .arg("-c")
            .arg(format!("ssl_cert_file={}", path.join("server.pem").display()))
            .arg("-c")
            .arg(format!("ssl_key_file={}", path.join("server.key").display()))
            .stdout(Stdio::null())
            .stderr(fs::File::create(path.join("log")).unwrap());
        let process = as_user(&mut server, owner).spawn().unwrap();
        let server = TlsServer { process, folder, port };
        server.wait();
        Some(server)
    }

    /// The authority the server's certificate comes from.
    pub fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// An authority the server has nothing to do with.
    pub fn other_ca_file(&self) -> String {
        self.folder.path().join("stranger.pem").display().to_string()
    }

    fn wait(&self) {
        let started = Instant::now();
        loop {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            if log.contains("ready to accept connections") {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "server did not start:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // SIGINT would be gentler, but the data is thrown away anyway.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn server_binaries() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.into_iter().find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

/// Postgres refuses to run as root; then it runs as `nobody`.
fn unprivileged_user() -> Option<u32> {
    let me = fs::metadata("/proc/self").map(|process| process.uid()).unwrap_or(1);
    (me == 0).then_some(65_534)
}

fn as_user(command: &mut Command, user: Option<u32>) -> &mut Command {
    match user {
        Some(id) => command.uid(id).gid(id),
        None => command,
    }
}

fn give(folder: &Path, user: Option<u32>) {
    fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let Some(id) = user else { return };
    for entry in fs::read_dir(folder).unwrap() {
        chown(entry.unwrap().path(), Some(id), Some(id)).unwrap();
    }
    chown(folder, Some(id), Some(id)).unwrap();
}

fn authority(folder: &Path, name: &str) {
    let key = format!("{name}.key");
    let certificate = format!("{name}.pem");
    let subject = format!("/CN=shopflow test {name}");
    openssl(folder, &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
    openssl(
        folder,
        &[
            "req",
            "-x509",
            "-new",
            "-key",
            &key,
            "-days",
            "2",
            "-subj",
            &subject,
            "-out",
            &certificate,
        ],
    );
}

/// For `localhost` only, so that the address 127.0.0.1 is a wrong name.
fn server_certificate(folder: &Path) {
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    openssl(folder, &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "server.key"]);
    openssl(
        folder,
        &["req", "-new", "-key", "server.key", "-subj", "/CN=localhost", "-out", "server.csr"],
    );
    openssl(
        folder,
        &[
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "names",
            "-out",
            "server.pem",
        ],
    );
}

fn openssl(folder: &Path, arguments: &[&str]) {
    run(Command::new("openssl").current_dir(folder).args(arguments));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
