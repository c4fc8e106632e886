//! What the function is given once, at its start.

use std::time::Duration;

use chrono::Utc;
use shopflow_core::runtime::Init;
use shopflow_core::signed_link;
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::{Client, Database, secret};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::live::{self, Clock, Live, Place, Source};
use crate::page::Page;

/// How long the figures of one answer may take: the page gives up two seconds later, and asks again.
const LIMIT: Duration = Duration::from_secs(8);

/// What requests are answered with.
pub struct Context {
    pub(crate) source: Source,
    pub(crate) page: Page,
    secret: String,
    database: Database,
    /// One on which nothing has failed, kept between requests: a page asks every second.
    connection: Mutex<Option<Client>>,
}

impl Context {
    /// Reads the secret of the links.
    ///
    /// # Errors
    /// `InvalidInput` when the secret is missing or too short, `Transient.Service` when it cannot be
    /// read; as [`Database::new`].
    pub async fn of(init: &Init) -> Result<Context> {
        let settings = &init.settings;
        let id = settings.dashboard.secret_arn.as_deref().ok_or_else(|| {
            Error::invalid("dashboard.secret_arn is not set")
                .hint("set SHOPFLOW__DASHBOARD__SECRET_ARN")
        })?;
        let secret = secret::read(&init.aws, id).await?;
        let database = Database::new(&init.aws, &settings.database).await?;
        let place = Place {
            environment: settings.environment.clone(),
            stream: settings.stream.name.clone().unwrap_or_default(),
            currency: settings.business.currency.clone(),
        };
        Context::new(place, secret, database).map_err(|error| error.with("secret", id))
    }

    /// A context of given parts.
    ///
    /// # Errors
    /// `InvalidInput` when the secret is too short, or the definitions are wrong.
    pub fn new(place: Place, secret: String, database: Database) -> Result<Context> {
        // A secret that makes no links is found out now, and not by the first visitor.
        signed_link::sign(&secret, Utc::now().timestamp())?;
        Ok(Context {
            page: Page::new(&place.environment),
            source: Source::new(place)?,
            secret,
            database,
            connection: Mutex::new(None),
        })
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn environment(&self) -> &str {
        &self.source.place.environment
    }

    /// The tag of the figures, and the figures unless `known` has that tag.
    ///
    /// # Errors
    /// As [`live::read`], and when the database cannot be reached or brought up to date.
    pub(crate) async fn live(
        &self,
        clock: Clock,
        known: Option<&str>,
    ) -> Result<(String, Option<Live>)> {
        let kept = self.connection.lock().await.take().filter(|client| !client.is_closed());
        if let Some(mut client) = kept {
            match timeout(LIMIT, live::read(&self.source, &mut client, clock, known)).await {
                Ok(Ok(answer)) => {
                    *self.connection.lock().await = Some(client);
                    return Ok(answer);
                }
                // The connection of an instance that was asleep may be gone; a new one tells more.
                Ok(Err(error)) if error.kind().is_transient() || client.is_closed() => {
                    tracing::info!(error = %error, "connecting to the database again");
                }
                // What has failed in the midst of something is not used again either.
                Ok(Err(error)) => return Err(error),
                // A database that is too slow is not asked the same once more at once.
                Err(_) => return Err(too_slow()),
            }
        }
        let mut client = self.database.connect().await?;
        self.database.migrate(&mut client).await?;
        let reading = live::read(&self.source, &mut client, clock, known);
        let answer = timeout(LIMIT, reading).await.map_err(|_| too_slow())??;
        *self.connection.lock().await = Some(client);
        Ok(answer)
    }
}

fn too_slow() -> Error {
    Error::new(ErrorKind::TransientDatabase, "the figures were not read in time")
        .with("seconds", LIMIT.as_secs())
}
