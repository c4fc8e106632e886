//! What the function is given once, at its start.

use std::time::Duration;

use chrono::NaiveDate;
use shopflow_core::Storage;
use shopflow_core::settings::Cdc;
use shopflow_postgres::Database;

use crate::files::Files;

/// The schema whose tables are captured.
pub(crate) const SCHEMA: &str = "core";

/// What the handler needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    storage: Storage,
    pub(crate) database: Database,
    bucket: String,
    pub(crate) settings: Cdc,
}

impl Context {
    /// A context of given parts; `lake` is the bucket.
    pub fn new(storage: Storage, database: Database, lake: &str, mut settings: Cdc) -> Self {
        settings.tables.sort();
        settings.tables.dedup();
        Context { storage, database, bucket: lake.to_owned(), settings }
    }

    /// The database that is captured.
    pub fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn tables(&self) -> &[String] {
        &self.settings.tables
    }

    pub(crate) fn publication(&self) -> &str {
        &self.settings.publication
    }

    pub(crate) fn slot_prefix(&self) -> &str {
        &self.settings.slot
    }

    pub(crate) fn max_changes(&self) -> i32 {
        self.settings.max_changes
    }

    pub(crate) fn overlap_seconds(&self) -> i64 {
        i64::from(self.settings.overlap_seconds)
    }

    pub(crate) fn reserve(&self) -> Duration {
        Duration::from_secs(self.settings.reserve_seconds)
    }

    pub(crate) fn files(&self, day: NaiveDate, name: Option<&str>, batch: i64) -> Files {
        Files::new(&self.storage, &self.bucket, day, name, batch, self.settings.file_mib)
    }
}
