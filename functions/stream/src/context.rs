//! What the function is given once, at its start, and what it remembers from call to call.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use shopflow_core::settings::Stream;
use shopflow_core::{Result, Settings, Storage};
use shopflow_postgres::Database;
use shopflow_windows::{Definitions, Micros, Reader};

use crate::connection::Connection;
use crate::kept::Kept;
use crate::moment;

/// Connections that are kept from call to call: Lambda makes one call at a time.
const KEPT_CONNECTIONS: usize = 2;
/// Shards whose slices are kept; an instance sees one or a few.
const KEPT_SHARDS: usize = 8;
/// Partitions that are known to be there.
const KNOWN_HOURS: usize = 1000;

/// What the function talks to.
#[derive(Debug, Clone)]
pub struct Places {
    pub storage: Storage,
    pub database: Database,
    pub aws: aws_config::SdkConfig,
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// A clock of one's own.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What the handler works with.
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) database: Database,
    pub(crate) aws: aws_config::SdkConfig,
    /// Name of the stream.
    pub(crate) stream: String,
    pub(crate) landing: String,
    pub(crate) lake: String,
    pub(crate) settings: Stream,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) reader: Reader,
    clock: Clock,
    idle: Mutex<Vec<Connection>>,
    kept: Mutex<HashMap<String, Kept>>,
    hours: Mutex<BTreeSet<i64>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Context {
    /// A context of the built-in definitions. Without a name in the settings, as only tests have it,
    /// the stream is called `clicks`.
    ///
    /// # Errors
    /// `InvalidInput` when a definition is wrong.
    pub fn new(places: Places, settings: &Settings) -> Result<Context> {
        let Places { storage, database, aws } = places;
        Ok(Context {
            storage,
            database,
            aws,
            stream: settings.stream.name.clone().unwrap_or_else(|| "clicks".to_owned()),
            landing: settings.buckets.landing.clone(),
            lake: settings.buckets.lake.clone(),
            settings: settings.stream.clone(),
            definitions: Arc::new(Definitions::built_in()?),
            reader: Reader::new(settings),
            clock: Clock::new(Utc::now),
            idle: Mutex::default(),
            kept: Mutex::default(),
            hours: Mutex::default(),
        })
    }

    /// With other definitions than the built-in ones.
    #[must_use]
    pub fn with_definitions(mut self, definitions: Definitions) -> Context {
        self.definitions = Arc::new(definitions);
        self
    }

    /// With a clock of one's own.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Context {
        self.clock = clock;
        self
    }

    pub(crate) fn now(&self) -> Micros {
        moment::micros((self.clock.0)())
    }

    /// True when the records of a shard come one batch after the other, so that a sequence number
    /// tells what is in effect.
    pub(crate) fn is_ordered(&self) -> bool {
        self.settings.parallelization_factor <= 1
    }

    /// The longest time for which any window or visit waits for late events.
    pub(crate) fn longest_lateness(&self) -> std::time::Duration {
        let windows = self.definitions.windows.iter().map(|definition| definition.lateness);
        windows.fold(self.definitions.sessions.lateness, std::cmp::max)
    }

    /// A connection: one that was kept, if it still answers, or a new one to a database that is up to
    /// date.
    ///
    /// # Errors
    /// As [`Database::connect`] and [`Database::migrate`].
    pub(crate) async fn connection(&self) -> Result<Connection> {
        let kept = locked(&self.idle).pop();
        if let Some(connection) = kept
            && connection.is_alive().await
        {
            return Ok(connection);
        }
        let mut client = self.database.connect().await?;
        self.database.migrate(&mut client).await?;
        Ok(Connection::new(client))
    }

    /// Keeps a connection on which nothing has failed.
    pub(crate) fn keep(&self, connection: Connection) {
        let mut idle = locked(&self.idle);
        if idle.len() < KEPT_CONNECTIONS {
            idle.push(connection);
        }
    }

    /// Takes what is kept of a shard; another call finds nothing and reads.
    pub(crate) fn take_kept(&self, shard: &str) -> Option<Kept> {
        locked(&self.kept).remove(shard)
    }

    /// Keeps the slices of a shard for its next batch.
    pub(crate) fn keep_slices(&self, shard: &str, slices: Kept) {
        let mut kept = locked(&self.kept);
        if kept.len() >= KEPT_SHARDS {
            kept.clear();
        }
        kept.insert(shard.to_owned(), slices);
    }

    /// Those of these hours whose partitions are not known to be there.
    pub(crate) fn unknown_hours(&self, hours: &BTreeSet<i64>) -> Vec<i64> {
        hours.difference(&locked(&self.hours)).copied().collect()
    }

    pub(crate) fn know_hours(&self, hours: &[i64]) {
        let mut known = locked(&self.hours);
        if known.len() > KNOWN_HOURS {
            known.clear();
        }
        known.extend(hours);
    }

    /// Forgets what may be wrong after a failure.
    pub(crate) fn forget(&self) {
        locked(&self.hours).clear();
        locked(&self.kept).clear();
    }
}

/// A panic elsewhere leaves nothing half-done in what is locked here.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
