//! What the function is given once, at its start.

use std::sync::Arc;

use shopflow_core::runtime::Init;
use shopflow_core::{Result, Settings, Storage};

use crate::clock::Zone;

/// What the function keeps between events.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    pub settings: Arc<Settings>,
    /// Where the clocks are whose times stand in files without an offset.
    pub zone: Zone,
}

impl Context {
    /// Takes what it needs from the runtime.
    ///
    /// # Errors
    /// `InvalidInput` when the configured time zone does not exist.
    pub fn new(init: Init) -> Result<Self> {
        let zone = Zone::of(&init.settings)?;
        Ok(Context { storage: init.storage, settings: init.settings, zone })
    }
}
