//! What the function is given once, at its start.

use shopflow_core::Storage;
use shopflow_core::settings::Generate;

/// What the function keeps between invocations.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) landing: String,
    pub(crate) settings: Generate,
}

impl Context {
    /// Generates into the bucket called `landing`, where the settings allow it.
    pub fn new(storage: Storage, landing: &str, settings: Generate) -> Self {
        Context { storage, landing: landing.to_owned(), settings }
    }
}
