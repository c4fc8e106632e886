//! What a local cloud remembers between commands: processes, ports, passwords, the deployment.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// Content of `state.json`. It holds the passwords of the local Postgres, so only its owner may
/// read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub emulator: Option<Server>,
    pub postgres: Option<Server>,
    /// Takes the calls of `cargo lambda invoke`; see [`super::relay`].
    pub relay: Option<Server>,
    /// Password of the superuser `postgres`; fixed when the data directory is made.
    pub admin_password: Option<String>,
    /// The pipeline's own role.
    pub database: Option<DatabaseAccess>,
    pub deployment: Option<Deployment>,
}

/// A server process on the loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub pid: u32,
    pub port: u16,
}

/// How the functions reach their database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseAccess {
    pub name: String,
    pub user: String,
    pub password: String,
    /// The Secrets Manager secret with user and password.
    pub secret_arn: String,
}

/// What is deployed to the emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Over template, state machines, binaries and parameters; see [`super::deploy`].
    pub fingerprint: String,
    pub outputs: BTreeMap<String, String>,
}

impl State {
    /// Reads the state; a local cloud that never ran has an empty one.
    ///
    /// # Errors
    /// When the file is there and is not a state.
    pub fn read(path: &Path) -> Result<State> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(State::default());
            }
            Err(error) => {
                return Err(Error::internal("read state failed")
                    .with("path", path.display())
                    .because(error));
            }
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            Error::invalid("the state of the local cloud cannot be understood")
                .with("path", path.display())
                .because(error)
                .hint("stop its servers, remove the file and run `cargo shopflow up`")
        })
    }

    /// Writes the state whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text =
            serde_json::to_vec_pretty(self).or_error(ErrorKind::Internal, "encode state failed")?;
        let draft = path.with_extension("json.new");
        let write = || -> std::io::Result<()> {
            // A draft left by a command that died may have other permissions.
            let _ = std::fs::remove_file(&draft);
            let mut file =
                std::fs::File::options().create_new(true).write(true).mode(0o600).open(&draft)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&draft, path)
        };
        write().map_err(|error| {
            Error::internal("write state failed").with("path", path.display()).because(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn sample() -> State {
        State {
            emulator: Some(Server { pid: 11, port: 4566 }),
            postgres: Some(Server { pid: 12, port: 5432 }),
            relay: None,
            admin_password: Some("hidden".to_owned()),
            database: Some(DatabaseAccess {
                name: "shopflow".to_owned(),
                user: "shopflow".to_owned(),
                password: "hidden too".to_owned(),
                secret_arn: "arn:aws:secretsmanager:us-east-1:000000000000:secret:db".to_owned(),
            }),
            deployment: Some(Deployment {
                fingerprint: "ab".to_owned(),
                outputs: BTreeMap::from([("LakeBucket".to_owned(), "lake".to_owned())]),
            }),
        }
    }

    #[test]
    fn the_state_survives_a_round_trip_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(State::read(&path).unwrap(), State::default());
        sample().write(&path).unwrap();
        sample().write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), sample());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_state_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        std::fs::write(&path, "{\"emulator\": 7").unwrap();
        let text = State::read(&path).unwrap_err().to_string();
        assert!(text.contains("remove the file"), "{text}");
    }
}
