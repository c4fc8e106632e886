//! What the function is given once, at its start.

use shopflow_core::Storage;
use shopflow_core::runtime::Init;

/// What the handler needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    /// Landing bucket: validated files, raw copies and manifests.
    pub landing: String,
    /// Lake bucket: bronze.
    pub lake: String,
}

impl Context {
    /// The context of the deployed function.
    pub fn new(init: Init) -> Self {
        Context {
            storage: init.storage,
            landing: init.settings.buckets.landing.clone(),
            lake: init.settings.buckets.lake.clone(),
        }
    }
}
