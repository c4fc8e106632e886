//! What the function is given once, at its start.

use shopflow_core::runtime::Init;
use shopflow_core::settings::Collect;
use shopflow_core::{Error, Result};
use shopflow_windows::Reader;

use crate::cors::Origins;
use crate::limit::Limiter;
use crate::send::Sender;

/// What the function keeps between requests.
pub struct Context {
    pub(crate) settings: Collect,
    pub(crate) origins: Origins,
    pub(crate) limiter: Limiter,
    pub(crate) reader: Reader,
    pub(crate) sender: Sender,
}

impl Context {
    /// A context from the function's settings.
    ///
    /// # Errors
    /// `InvalidInput` when `stream.name` is not set.
    pub fn new(init: &Init) -> Result<Context> {
        let stream = init.settings.stream.name.as_deref();
        let stream = stream.ok_or_else(|| Error::invalid("stream.name is not set"))?;
        let settings = init.settings.collect.clone();
        Ok(Context {
            origins: Origins::new(&settings.allowed_origins),
            limiter: Limiter::new(settings.events_per_second, settings.max_events),
            reader: Reader::new(&init.settings),
            sender: Sender::new(init.aws.clone(), stream),
            settings,
        })
    }
}
