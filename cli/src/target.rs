//! What a command works on: the local cloud, or a stack on AWS.

use std::sync::Arc;

use aws_config::SdkConfig;
use rustls::ClientConfig;
use shopflow_aws::lambda::{self, Answer};
use shopflow_core::overlay::{CONFIG_URI, Overlay};
use shopflow_core::settings::StorageSettings;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Settings, Storage};
use shopflow_postgres::tls::authorities;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::console::Console;
use crate::local::{self, database, deploy, home::Home};
use crate::stack::Stack;

/// Address of the database of an environment on AWS, as every Postgres tool takes it.
pub const DATABASE_URL: &str = "DATABASE_URL";
/// File with the certificate authorities to trust, as `psql` takes it.
pub const CA_FILE: &str = "PGSSLROOTCERT";

/// How a command reads and writes objects: parts of 8 MiB, as the functions do.
const STORAGE: StorageSettings =
    StorageSettings { part_size_mib: 8, concurrent_parts: 4, concurrent_objects: 16 };

/// A deployed environment and how to reach it.
#[derive(Debug, Clone)]
pub struct Target {
    pub aws: SdkConfig,
    pub stack: Stack,
    /// Address of the database; absent when it is on AWS and `DATABASE_URL` is not set.
    pub database_url: Option<String>,
}

impl Target {
    /// Opens an environment; the local one must be up.
    ///
    /// # Errors
    /// When the local cloud is not up, or the stack on AWS cannot be read.
    pub async fn open(environment: &str) -> Result<Target> {
        if environment == deploy::ENVIRONMENT {
            return Ok(local::connect(&Home::locate()?).await?.into());
        }
        Target::remote(environment).await
    }

    /// Opens an environment; the local one is brought up if it is not.
    ///
    /// # Errors
    /// As [`local::up`], or when the stack on AWS cannot be read.
    pub async fn open_or_up(environment: &str, console: Console) -> Result<Target> {
        if environment != deploy::ENVIRONMENT {
            return Target::remote(environment).await;
        }
        let home = Home::locate()?;
        if let Ok(cloud) = local::connect(&home).await {
            return Ok(cloud.into());
        }
        Ok(local::up(&home, None, console).await?.into())
    }

    async fn remote(environment: &str) -> Result<Target> {
        let aws = shopflow_core::runtime::aws_config().await;
        let stack = Stack::read(&aws, environment).await?;
        Ok(Target { aws, stack, database_url: std::env::var(DATABASE_URL).ok() })
    }

    /// A client for the state machines.
    pub fn sfn(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&self.aws)
    }

    /// A client for the buckets.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.aws)
    }

    /// A client for the queues.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.aws)
    }

    /// The buckets, with the functions' way of reading and writing.
    pub fn storage(&self) -> Storage {
        Storage::new(&self.aws, &STORAGE)
    }

    /// Calls a function of the stack and waits for its answer.
    ///
    /// # Errors
    /// What Lambda refuses; a function that fails answers and says so.
    pub async fn invoke(&self, function: &str, payload: impl Into<Vec<u8>>) -> Result<Answer> {
        lambda::invoke(&self.aws, function, payload).await.map_err(|error| {
            Error::aws(ErrorKind::TransientService, "invoke function", error)
                .with("function", function)
        })
    }

    /// The settings of a function of the stack, as it sees them: its variables over the files that one
    /// of them names, and these over the built-in ones.
    ///
    /// # Errors
    /// What Lambda refuses; `InvalidInput` with every problem of the settings; `Transient.Storage`.
    pub async fn settings(&self, function: &str) -> Result<Settings> {
        let name = self.stack.function(function);
        let variables = lambda::variables(&self.aws, &name).await.map_err(|error| {
            Error::aws(ErrorKind::TransientService, "read variables of function", error)
                .with("function", &name)
                .hint("the login needs lambda:GetFunctionConfiguration")
        })?;
        let overlay = match variables.get(CONFIG_URI).filter(|uri| !uri.is_empty()) {
            Some(uri) => Overlay::read(&self.storage(), uri).await?,
            None => Overlay::default(),
        };
        let variables = variables.into_iter().filter(|(name, _)| name.starts_with("SHOPFLOW__"));
        Settings::from_layers(self.stack.environment(), &overlay, variables.collect(), &[])
    }

    /// Connects to the database.
    ///
    /// # Errors
    /// `InvalidInput` when its address is not known or it would be reached in plain text over a
    /// network; `Transient.Database` when it cannot be reached.
    pub async fn database(&self) -> Result<Client> {
        let url = self.database_url.as_deref().ok_or_else(|| {
            Error::invalid(format!("{DATABASE_URL} is not set"))
                .with("environment", self.stack.environment())
                .hint("set it to postgres://user:password@host:5432/shopflow (docs/deployment.md)")
        })?;
        connect(url, std::env::var(CA_FILE).ok().as_deref()).await
    }
}

impl From<local::Cloud> for Target {
    fn from(cloud: local::Cloud) -> Target {
        Target { aws: cloud.aws, stack: cloud.stack, database_url: Some(cloud.database_url) }
    }
}

async fn connect(url: &str, ca_file: Option<&str>) -> Result<Client> {
    let mut config: Config = url
        .parse()
        .or_error(ErrorKind::InvalidInput, format!("{DATABASE_URL} is not a Postgres address"))?;
    let Some(path) = ca_file else {
        check_loopback(&config)?;
        return database::connect(&config).await;
    };
    config.ssl_mode(SslMode::Require);
    let (client, connection) = config.connect(tls(path)?).await.map_err(|error| {
        database::refused(ErrorKind::TransientDatabase, "connect to postgres", error)
    })?;
    tokio::spawn(async move {
        // The client reports the same error to whoever waits for an answer.
        let _ = connection.await;
    });
    Ok(client)
}

/// Passwords and customers' data never cross a network in plain text.
fn check_loopback(config: &Config) -> Result<()> {
    let is_local = |host: &Host| match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        Host::Unix(_) => true,
    };
    if config.get_hosts().iter().all(is_local) {
        return Ok(());
    }
    Err(Error::invalid("the connection to postgres must be encrypted")
        .hint(format!("set {CA_FILE} to a file with the server's certificate authorities")))
}

fn tls(path: &str) -> Result<MakeRustlsConnect> {
    let unusable = || format!("{CA_FILE} names no usable file of certificate authorities");
    let pem = std::fs::read(path).or_error(ErrorKind::InvalidInput, unusable());
    let roots = pem.and_then(|pem| authorities(&pem).or_error(ErrorKind::InvalidInput, unusable()));
    let roots = roots.map_err(|error| error.with("file", path))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .or_error(ErrorKind::Internal, "set up TLS failed")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_remote_database_is_refused_without_certificate_authorities() {
        let url = "postgres://u:secret@db.example.com:5432/shopflow";
        let text = connect(url, None).await.unwrap_err().to_string();
        assert!(text.contains("must be encrypted") && text.contains(CA_FILE), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn a_wrong_address_is_named_without_its_password() {
        let text = connect("postgres//u:secret@x", None).await.unwrap_err().to_string();
        assert!(text.contains(DATABASE_URL) && !text.contains("secret"), "{text}");
    }
}
