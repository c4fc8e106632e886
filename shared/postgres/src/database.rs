//! Connecting: endpoint, login and TLS put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::settings::{Database as Settings, DatabaseAuth};
use shopflow_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Client;
use crate::credentials::{self, Login, SecretCache};
use crate::endpoint::{self, Endpoint};
use crate::error::db_error;
use crate::tls;

/// Server-side settings of every session. UTC, since event dates are UTC dates; a session whose
/// function was killed must not keep locks, so the server looks for dead clients even during a
/// long statement, and ends a transaction that is idle for longer than a function can live. The
/// temporary tables of a hundred thousand changes stay in memory, which is taken as they grow.
const SESSION: &str = "-c timezone=UTC -c datestyle=ISO -c client_connection_check_interval=5s \
     -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 \
     -c idle_in_transaction_session_timeout=15min -c temp_buffers=64MB";

/// Where the database is and how to enter it. Cheap to clone; clones share what they learned.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    aws: SdkConfig,
    settings: Settings,
    tls: Option<MakeRustlsConnect>,
    endpoint: OnceCell<Endpoint>,
    secret: SecretCache,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("name", &self.inner.settings.name)
            .field("endpoint", &self.inner.endpoint.get())
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Checks the settings and reads the certificate authorities. The server is looked up and the
    /// secret read with the first [`Database::connect`].
    ///
    /// # Errors
    /// `InvalidInput` when TLS is asked for without a usable certificate authority.
    pub async fn new(aws: &SdkConfig, settings: &Settings) -> Result<Database> {
        let tls = tls::connector(settings).await?;
        let inner = Inner {
            aws: aws.clone(),
            settings: settings.clone(),
            tls,
            endpoint: OnceCell::new(),
            secret: SecretCache::default(),
        };
        Ok(Database { inner: Arc::new(inner) })
    }

    /// Name of the database on the server.
    pub fn name(&self) -> &str {
        &self.inner.settings.name
    }

    /// Opens a connection and drives it in a task of its own. When the server refuses the cached
    /// password, the secret is read again and the login tried once more.
    ///
    /// # Errors
    /// `Transient.Database` when the server cannot be reached, is starting or full, or refuses a
    /// password that may be in the middle of a rotation; `InvalidInput` when the configuration
    /// names what does not exist; `Internal` when the certificate is not to be trusted.
    pub fn connect(&self) -> BoxFuture<'_, Result<Client>> {
        // Boxed, so that the drivers of Postgres and TLS are compiled here and not into each caller.
        self.log_in().boxed()
    }

    async fn log_in(&self) -> Result<Client> {
        let Inner { aws, settings, .. } = &*self.inner;
        let endpoint =
            self.inner.endpoint.get_or_try_init(|| endpoint::resolve(aws, settings)).await?;
        if settings.auth == DatabaseAuth::Iam {
            let login = credentials::iam_login(aws, settings, endpoint).await?;
            return self.open(endpoint, &login).await.map_err(|refused| refused.into_error());
        }
        let login = self.inner.secret.login(aws, settings, None).await?;
        match self.open(endpoint, &login).await {
            Err(Refused::Login(_)) => {}
            other => return other.map_err(|refused| refused.into_error()),
        }
        tracing::warn!("login was refused, reading the secret again");
        let login = self.inner.secret.login(aws, settings, Some(&login)).await?;
        self.open(endpoint, &login).await.map_err(Refused::into_error_during_rotation)
    }

    async fn open(
        &self,
        endpoint: &Endpoint,
        login: &Login,
    ) -> std::result::Result<Client, Refused> {
        let settings = &self.inner.settings;
        let limit = Duration::from_secs(settings.connect_timeout_seconds);
        let mut config = Config::new();
        config
            .host(&endpoint.host)
            .port(endpoint.port)
            .dbname(&settings.name)
            .user(&login.username)
            .password(&login.password)
            .application_name("shopflow")
            .options(SESSION)
            .connect_timeout(limit)
            .keepalives_idle(Duration::from_secs(30));
        let opened = match &self.inner.tls {
            Some(tls) => {
                config.ssl_mode(SslMode::Require);
                tokio::time::timeout(limit, config.connect(tls.clone()))
                    .await
                    .map(|opened| opened.map(|(client, connection)| drive(client, connection)))
            }
            None => {
                config.ssl_mode(SslMode::Disable);
                tokio::time::timeout(limit, config.connect(NoTls))
                    .await
                    .map(|opened| opened.map(|(client, connection)| drive(client, connection)))
            }
        };
        match opened {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(error)) => {
                let code = error.code().map_or("", |code| code.code());
                // 28P01 wrong password, 28000 no such role or not allowed to log in.
                let refused_login = matches!(code, "28P01" | "28000");
                let failure = located(db_error("connect to the database", error), endpoint);
                Err(if refused_login { Refused::Login(failure) } else { Refused::Other(failure) })
            }
            Err(_) => {
                let failure =
                    Error::new(ErrorKind::TransientDatabase, "connect to the database timed out")
                        .hint(
                            "check that the function's network and security group reach the server",
                        );
                Err(Refused::Other(located(failure, endpoint)))
            }
        }
    }

    /// Address of the server, looked up if need be.
    ///
    /// # Errors
    /// As the look-up of [`Database::connect`].
    pub async fn address(&self) -> Result<(String, u16)> {
        let Inner { aws, settings, endpoint, .. } = &*self.inner;
        let found = endpoint.get_or_try_init(|| endpoint::resolve(aws, settings)).await?;
        Ok((found.host.clone(), found.port))
    }
}

/// Why no connection came about.
enum Refused {
    Login(Error),
    Other(Error),
}

impl Refused {
    fn into_error(self) -> Error {
        match self {
            Refused::Login(error) => {
                error.hint("check that the role exists and may log in this way")
            }
            Refused::Other(error) => error,
        }
    }

    /// A rotation changes server and secret one after the other; in between no login works, and a
    /// retry a little later does.
    fn into_error_during_rotation(self) -> Error {
        match self {
            Refused::Login(error) => Error::new(ErrorKind::TransientDatabase, "login was refused")
                .because(error)
                .hint("unless the secret is being rotated, correct its username and password"),
            Refused::Other(error) => error,
        }
    }
}

fn located(error: Error, endpoint: &Endpoint) -> Error {
    error.with("host", &endpoint.host).with("port", endpoint.port)
}

fn drive<S, T>(client: Client, connection: tokio_postgres::Connection<S, T>) -> Client
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %db_error("database connection", error), "connection ended");
        }
    });
    client
}
