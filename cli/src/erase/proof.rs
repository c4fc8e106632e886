//! What was done, and what a search found afterwards. It holds no value: of the values searched for
//! only keyed hashes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The document `erasure/<request>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    pub request_id: String,
    pub customer_id: i64,
    pub environment: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// Nothing was changed, only searched.
    pub dry_run: bool,
    pub values: Searched,
    /// Folders of the buckets, as `<bucket>/<folder>`.
    pub objects: BTreeMap<String, Objects>,
    /// Rows changed, by `schema.table`; every table was searched.
    pub tables: BTreeMap<String, u64>,
    /// Entries of manifests and queues that now name the rewritten objects.
    pub references: u64,
    pub search: Search,
    /// What was not searched, and why.
    pub not_searched: Vec<String>,
}

/// What was searched for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Searched {
    pub names: u64,
    pub emails: u64,
    /// Values that other customers have too, or that a thing is called: erased in the customer's own
    /// rows, and not searched elsewhere.
    pub shared_with_others: u64,
    /// HMAC-SHA-256 of each value with the key of the keyed hash, its first 128 bits in base32.
    pub hashes: Vec<String>,
}

/// What happened in a folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Objects {
    pub versions_searched: u64,
    pub bytes_searched: u64,
    pub objects_rewritten: u64,
    pub versions_removed: u64,
    /// Rows or lines with values of the customer, over all versions.
    pub rows: u64,
}

/// The search after everything was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Search {
    pub versions: u64,
    pub bytes: u64,
    pub tables: u64,
    /// Rows or lines that still have values of the customer.
    pub found: u64,
    /// Where: keys with versions, and tables.
    pub places: Vec<String>,
}

impl Proof {
    /// True when something was written or removed.
    pub fn changed(&self) -> bool {
        self.references > 0
            || self.tables.values().any(|rows| *rows > 0)
            || self.objects.values().any(|of| of.objects_rewritten + of.versions_removed > 0)
    }

    /// In words.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let verb = if self.dry_run { "would be" } else { "were" };
        let mut others = 0;
        for (folder, of) in &self.objects {
            if of.rows == 0 {
                others += of.versions_searched;
                continue;
            }
            text.push_str(&format!(
                "{folder}: {} rows in {} of {} versions; {} objects {verb} rewritten\n",
                of.rows, of.versions_removed, of.versions_searched, of.objects_rewritten
            ));
        }
        text.push_str(&format!("nothing in {others} other versions of objects\n"));
        for (table, rows) in self.tables.iter().filter(|(_, rows)| **rows > 0) {
            text.push_str(&format!("{table}: {rows} rows {verb} changed\n"));
        }
        if self.dry_run {
            return text;
        }
        let Search { versions, tables, found, .. } = &self.search;
        text.push_str(&format!(
            "searched again: {versions} versions of objects and {tables} tables, {found} rows with \
             values of customer {}\n",
            self.customer_id
        ));
        for place in &self.search.places {
            text.push_str(&format!("  still in {place}\n"));
        }
        text
    }
}
