//! Where the figures come from.

use std::sync::Arc;

use shopflow_core::{Error, Result};
use shopflow_windows::{Definition, Definitions};
use tokio::sync::Mutex;
use tokio_postgres::Transaction;

use super::clock::Clock;
use super::version::Version;

/// The definition that visitors, events and revenue are counted by.
pub const TRAFFIC: &str = "traffic";
/// The definition that trends are counted by.
pub const PRODUCTS: &str = "product_activity";

/// Where the figures are from, and what the page calls things.
#[derive(Debug, Clone)]
pub struct Place {
    /// `local`, `dev`, `staging` or `prod`.
    pub environment: String,
    /// Name of the Kinesis stream.
    pub stream: String,
    /// ISO 4217 code of the currency that every sum is in.
    pub currency: String,
}

/// A stream, the definitions of its windows, and what is kept of the last reading.
pub struct Source<T> {
    pub place: Place,
    pub definitions: Definitions,
    /// What only a tick changes, as of the last one that was asked about.
    pub kept: Mutex<Option<Arc<T>>>,
}

impl<T> Source<T> {
    /// A stream with the built-in definitions.
    ///
    /// # Errors
    /// `InvalidInput` when the definitions are wrong, or the one of the traffic is missing.
    pub fn new(place: Place) -> Result<Source<T>> {
        let source =
            Source { place, definitions: Definitions::built_in()?, kept: Mutex::new(None) };
        source.traffic()?;
        Ok(source)
    }

    /// The definition of the traffic.
    ///
    /// # Errors
    /// `InvalidInput` when there is none.
    pub fn traffic(&self) -> Result<&Definition> {
        let mut windows = self.definitions.windows.iter();
        windows.find(|definition| definition.name == TRAFFIC).ok_or_else(|| {
            Error::invalid("the definition of the traffic is missing").with("definition", TRAFFIC)
        })
    }
}

/// A reading of the database, from one snapshot of it.
pub struct Reading<'a> {
    pub transaction: &'a Transaction<'a>,
    /// Name of the Kinesis stream.
    pub stream: &'a str,
    pub clock: Clock,
    pub version: &'a Version,
}
