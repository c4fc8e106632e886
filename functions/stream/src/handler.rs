//! One call: a batch of the stream, or the tick.

use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, Result};

use crate::context::Context;
use crate::event::{Answer, Event};
use crate::{batch, tick};

/// Handles a batch or the tick.
///
/// # Errors
/// `InvalidInput` for an event that is neither; `Transient.*` when a service does not answer;
/// `Internal` when events cannot be accounted for or a request was refused. A batch that fails comes
/// again, as a whole or in parts, and no event counts twice.
pub async fn handle(context: &Context, event: Event, invocation: &Invocation) -> Result<Answer> {
    match event {
        Event::Batch { records } => {
            batch::handle(context, records, invocation).await.map(Answer::Batch)
        }
        Event::Tick { tick: true } => tick::tick(context, invocation).await.map(Answer::Tick),
        Event::Tick { tick: false } => {
            Err(Error::invalid("the event says that it is no tick").hint(r#"send {"tick": true}"#))
        }
    }
}
