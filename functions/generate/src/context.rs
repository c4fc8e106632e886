//! What the function is given once, at its start.

use shopflow_core::Storage;

/// What the function keeps between invocations.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) landing: String,
}

impl Context {
    /// Generates into the bucket called `landing`.
    pub fn new(storage: Storage, landing: &str) -> Self {
        Context { storage, landing: landing.to_owned() }
    }
}
