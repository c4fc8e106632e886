//! What the function is given once, at its start.

use shopflow_core::schema_contract::{Contracts, Mode};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, Storage};
use shopflow_postgres::Database;

/// What the function works with.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    pub database: Database,
    /// Whether unknown columns are loaded.
    pub contracts: Contracts,
    /// What the reference tables hold from the start.
    pub vocabulary: Vocabularies,
    /// From this many rows on a file is large: into an empty `core.transactions` it is written
    /// directly, and indexes and references are built afterwards in one go; and the statistics of
    /// a table that grew by as much are renewed.
    pub bulk_rows: u64,
    /// From this many new entities on, their references are checked in one go.
    pub bulk_entities: u64,
}

impl Context {
    /// The usual context; building indexes afterwards pays from about 50,000 rows, and references
    /// from about 5,000.
    pub fn new(storage: Storage, database: Database) -> Self {
        let (contracts, vocabulary) = (Contracts::default(), Vocabularies::default());
        Context {
            storage,
            database,
            contracts,
            vocabulary,
            bulk_rows: 50_000,
            bulk_entities: 5_000,
        }
    }

    /// With other sets of values than the built-in ones.
    pub fn with_vocabulary(mut self, vocabulary: Vocabularies) -> Self {
        self.vocabulary = vocabulary;
        self
    }

    /// With other schema contracts than the default ones.
    pub fn with_contracts(mut self, contracts: Contracts) -> Self {
        self.contracts = contracts;
        self
    }

    /// True when columns that `dataset` does not know go to `core`.
    pub(crate) fn keeps_extra(&self, dataset: Dataset) -> bool {
        self.contracts.of(dataset).columns == Mode::Evolve
    }
}
