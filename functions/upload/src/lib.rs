//! Copies validated files to `raw/` and, as typed Parquet, to `bronze/`; publishes the manifest
//! of a run once every copy is there.
//!
//! The two actions are separate events, so that a map over the files can run in parallel and the
//! manifest is still written last. Both can be repeated: the same event gives the same answer, and
//! what an earlier attempt wrote is used again.

pub mod bronze;
mod channel;
mod columns;
mod copy;
mod csv;
mod json;
mod publish;
mod sink;

use serde::Serialize;
use shopflow_core::contract::{CopyResult, PublishResult, UploadEvent};
use shopflow_core::runtime::{Init, Invocation};
use shopflow_core::{Result, Storage};

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
