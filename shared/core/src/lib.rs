//! What every ShopFlow function shares: the definitions of the datasets, the grammar of their
//! values, the events and results that cross the state machine, one error type, typed
//! configuration, object storage, metrics and the Lambda runtime wiring.
//!
//! Heavy dependencies stay out of here: Parquet and Arrow live in `shopflow-lake`, Postgres in
//! `shopflow-postgres`.

mod built_in;
pub mod contract;
pub mod dataset;
pub mod definitions;
pub mod error;
pub mod fields;
pub mod header;
pub mod http;
pub mod json;
pub mod keys;
pub mod meter;
pub mod metrics;
mod mode;
pub mod natural_key;
pub mod overlay;
pub mod privacy;
pub mod rates;
pub mod rules;
pub mod runtime;
pub mod schema_contract;
pub mod settings;
pub mod signed_link;
pub mod storage;
pub mod values;
pub mod vocabulary;
pub mod yaml;

pub use contract::{LedgerEntry, ObjectRef, Stage};
pub use dataset::Dataset;
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use settings::Settings;
pub use storage::Storage;
