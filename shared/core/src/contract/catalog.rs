//! `catalog`: the Glue Data Catalog, kept in step with the lake.

use serde::{Deserialize, Serialize};

use super::Run;

/// Event of `catalog`. What it does depends on the lake and the catalog only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEvent {
    #[serde(flatten)]
    pub run: Run,
}

/// Result of `catalog`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogResult {
    pub databases: CatalogChanges,
    /// One entry per table, sorted by name.
    pub tables: Vec<CatalogTable>,
    /// Databases, tables and partitions that were created, updated or dropped; 0 when the catalog
    /// was in step already.
    pub writes: u64,
    /// Everything that was found changed behind the back of this function.
    pub drift_count: u64,
    /// The first hundred of them.
    pub drift: Vec<CatalogDrift>,
    /// True when time ran out before every table was done; the next call goes on.
    pub incomplete: bool,
}

/// What was done to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogTable {
    /// `<database>.<table>`.
    pub table: String,
    pub change: CatalogChange,
    pub columns: CatalogChanges,
    pub partitions: CatalogChanges,
}

/// What was done to a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogChange {
    Created,
    Updated,
    /// Recreated with other partition keys; Glue cannot change those.
    Replaced,
    Unchanged,
}

/// Counts of what became of things of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogChanges {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub dropped: u64,
}

impl CatalogChanges {
    /// How many things had to be written.
    pub fn writes(&self) -> u64 {
        self.created + self.updated + self.dropped
    }
}

/// One thing in the catalog that neither the definitions nor this function put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogDrift {
    /// Name of the database, or `<database>.<table>`.
    pub table: String,
    pub kind: CatalogDriftKind,
    /// The column, parameter or partition; empty for the table itself.
    pub subject: String,
    /// As the definitions want it, and as it was made again; empty for nothing.
    pub expected: String,
    /// As it was found; empty for nothing.
    pub found: String,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogDriftKind {
    UnknownColumn,
    MissingColumn,
    /// The columns are the same, in another order.
    ColumnOrder,
    ColumnType,
    ColumnComment,
    ColumnTags,
    PartitionKeys,
    Parameter,
    Description,
    Location,
    Format,
    /// A partition with another location, format or columns than its table's.
    Partition,
    /// A table over the lake that nobody defines: reported and left alone.
    UnknownTable,
}
