//! What the function is given once, at its start.

use shopflow_core::Storage;
use shopflow_postgres::Database;

use crate::lineage::Lineage;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    pub database: Database,
    /// The events of runs.
    pub lineage: Lineage,
    /// Where files over the built-in configuration and suites are.
    pub config_uri: Option<String>,
}
