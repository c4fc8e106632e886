//! What a plan needs to know beside the suite.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::metric::sample::Masker;

/// What a plan needs to know beside the suite.
#[derive(Clone)]
pub struct Options {
    /// Failing rows that are listed per expectation.
    pub listed_rows: usize,
    /// Columns with values about persons.
    pub personal: Vec<String>,
    /// What to show instead of a personal value.
    pub masker: Masker,
    /// Seed of the hashes that stand for values in states: secret where columns are personal, and
    /// the same for all states that are to be merged.
    pub hash_seed: u64,
    /// Values of `{"$PARAMETER": name}`.
    pub parameters: Map<String, Value>,
    /// Distinct values that are counted one by one.
    pub max_distinct: usize,
    /// Numbers that are kept one by one for quantiles.
    pub max_numbers: usize,
    /// Whether to collect profiles of all columns as well.
    pub profile: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listed_rows: 20,
            personal: Vec::new(),
            masker: Arc::new(|_, _| Value::from("***")),
            hash_seed: 0,
            parameters: Map::new(),
            max_distinct: 100_000,
            max_numbers: 100_000,
            profile: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("personal", &self.personal).finish_non_exhaustive()
    }
}
