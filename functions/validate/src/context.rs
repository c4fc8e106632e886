//! What the function is given once, at its start.

use std::sync::Arc;

use shopflow_core::runtime::Init;
use shopflow_core::{Settings, Storage};

/// What the function keeps between events.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    pub settings: Arc<Settings>,
}

impl Context {
    /// Takes what it needs from the runtime.
    pub fn new(init: Init) -> Self {
        Context { storage: init.storage, settings: init.settings }
    }
}
