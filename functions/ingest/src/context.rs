//! What the function is given once, at its start.

use shopflow_core::runtime::Init;
use shopflow_core::{Error, Result, Storage};

use crate::execution::Starter;

/// What ingest builds once.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) starter: Starter,
}

impl Context {
    /// Clients from the function's settings.
    ///
    /// # Errors
    /// `InvalidInput` when `state_machine_arn` is not set.
    pub fn new(init: &Init) -> Result<Context> {
        let arn = init
            .settings
            .state_machine_arn
            .as_deref()
            .ok_or_else(|| Error::invalid("state_machine_arn is not set"))?;
        Ok(Context { storage: init.storage.clone(), starter: Starter::new(&init.aws, arn) })
    }
}
