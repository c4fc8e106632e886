//! Where rows come from: the order of their files, and the row a file has in `core.sources`.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_core::contract::ManifestEntry;
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

/// The three values that decide between two versions of a row, as statement parameters.
#[derive(Debug, Clone)]
pub struct Order {
    pub effective_at: DateTime<Utc>,
    pub modified_at: DateTime<Utc>,
    pub version_id: String,
}

impl Order {
    /// The order of the file's source.
    pub fn of(entry: &ManifestEntry) -> Self {
        let source = &entry.source;
        Order {
            effective_at: source.effective_at,
            modified_at: source.modified_at,
            version_id: source.version_id.clone(),
        }
    }
}

/// Gives the file its row in `core.sources`; the key of that row. The dataset is locked, so keys
/// grow in the order of loading.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn register(
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
) -> Result<i32> {
    let source = &entry.source;
    let row = transaction
        .query_one(
            "INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at, \
                 modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING source_id",
            &[
                &entry.dataset.name(),
                &run_id,
                &source.bucket,
                &source.key,
                &source.version_id,
                &source.effective_at,
                &source.modified_at,
            ],
        )
        .await
        .or_db("register source")?;
    Ok(row.get(0))
}

/// The sources that are not earlier than the one that is loaded. Mostly there are none.
#[derive(Debug, Default)]
pub struct NotEarlier {
    same: HashSet<i32>,
    later: HashSet<i32>,
}

impl NotEarlier {
    /// Reads the sources of the dataset that are later than `entry`'s, or the same.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn than(transaction: &Transaction<'_>, entry: &ManifestEntry) -> Result<Self> {
        let order = Order::of(entry);
        let rows = transaction
            .query(
                "SELECT source_id, (effective_at, modified_at, version_id COLLATE \"C\") \
                     > ($2, $3, $4) \
                 FROM core.sources WHERE dataset = $1 AND effective_at >= $2 \
                     AND (effective_at, modified_at, version_id COLLATE \"C\") >= ($2, $3, $4)",
                &[
                    &entry.dataset.name(),
                    &order.effective_at,
                    &order.modified_at,
                    &order.version_id,
                ],
            )
            .await
            .or_db("read order of sources")?;
        let mut found = NotEarlier::default();
        for row in rows {
            let set = if row.get(1) { &mut found.later } else { &mut found.same };
            set.insert(row.get(0));
        }
        Ok(found)
    }

    /// True when the source comes after the one that is loaded.
    pub fn is_later(&self, source_id: i32) -> bool {
        !self.later.is_empty() && self.later.contains(&source_id)
    }

    /// True when the source comes before the one that is loaded.
    pub fn is_earlier(&self, source_id: i32) -> bool {
        !self.is_later(source_id) && (self.same.is_empty() || !self.same.contains(&source_id))
    }

    /// All of them.
    pub fn all(&self) -> Vec<i32> {
        self.same.union(&self.later).copied().collect()
    }

    /// The later sources.
    pub fn later(&self) -> Vec<i32> {
        self.later.iter().copied().collect()
    }
}
