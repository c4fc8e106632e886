//! One event: a copy of a file, or the manifest of a run.

use serde::Serialize;
use shopflow_core::Result;
use shopflow_core::contract::{CopyResult, PublishResult, UploadEvent};
use shopflow_core::runtime::Invocation;

use crate::context::Context;
use crate::{copy, publish};

/// The answer to either action; on the wire it is the plain result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
// One of them lives for the length of an answer: not worth a box.
#[allow(clippy::large_enum_variant)]
pub enum UploadResult {
    Copy(CopyResult),
    Publish(PublishResult),
}

/// Handles one event.
///
/// # Errors
/// `InvalidInput` when an object of the event does not exist or the entries contradict each other;
/// `Transient.Storage` when S3 does not answer or the content arrived damaged; `Internal` when a
/// validated row does not parse.
pub async fn handle(
    context: &Context,
    event: UploadEvent,
    invocation: &Invocation,
) -> Result<UploadResult> {
    match event {
        UploadEvent::Copy(event) => {
            copy::copy(context, &event, invocation).await.map(UploadResult::Copy)
        }
        UploadEvent::Publish(event) => {
            publish::publish(context, event).await.map(UploadResult::Publish)
        }
    }
}
