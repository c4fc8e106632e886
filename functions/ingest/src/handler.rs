//! A batch of messages: each object they announce starts its run.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::StreamExt;
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, ErrorKind, Result, Storage, keys};

use crate::context::Context;
use crate::execution::{Execution, Started};
use crate::notification::{self, Landed, Notice};

/// Metadata key on landed files that were rewritten to erase a customer: their rows are loaded
/// already.
pub const ERASURE_METADATA: &str = "shopflow-erasure";

/// Messages handled at the same time; `StartExecution` allows bursts far above it.
const CONCURRENT_MESSAGES: usize = 10;

/// What became of the records of the messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    received: u64,
    started: u64,
    duplicates: u64,
    skipped: u64,
    failed: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.received += other.received;
        self.started += other.started;
        self.duplicates += other.duplicates;
        self.skipped += other.skipped;
        self.failed += other.failed;
    }
}

/// Starts an execution for every object the messages announce.
///
/// The answer lists the messages that must be delivered again; SQS moves a message that fails too
/// often to the dead-letter queue. A failing message never holds back another one.
///
/// # Errors
/// None of its own: what fails is reported per message.
pub async fn handle(
    context: &Context,
    event: SqsEvent,
    invocation: &Invocation,
) -> Result<SqsBatchResponse> {
    let outcomes: Vec<(String, Counts)> = futures::stream::iter(event.records)
        .map(|message| async move {
            let counts = handle_message(context, &message).await;
            // Lambda repeats the whole batch for an empty identifier: right, if one is missing.
            (message.message_id.unwrap_or_default(), counts)
        })
        .buffered(CONCURRENT_MESSAGES)
        .collect()
        .await;

    let mut total = Counts::default();
    let mut response = SqsBatchResponse::default();
    for (message_id, counts) in outcomes {
        total.add(counts);
        if counts.failed > 0 {
            response.add_failure(message_id);
        }
    }
    let metrics = &invocation.metrics;
    metrics.count("EventsReceived", total.received, &[]);
    metrics.count("ExecutionsStarted", total.started, &[]);
    metrics.count("DuplicateEvents", total.duplicates, &[]);
    metrics.count("EventsSkipped", total.skipped, &[]);
    metrics.count("EventsFailed", total.failed, &[]);
    Ok(response)
}

/// Handles every record of a message, even after one failed: the next delivery recognises those
/// that were started.
async fn handle_message(context: &Context, message: &SqsMessage) -> Counts {
    let message_id = message.message_id.as_deref().unwrap_or("");
    let notices = match notification::read(message.body.as_deref().unwrap_or("")) {
        Ok(notices) => notices,
        Err(error) => {
            log_failure(message_id, &error);
            return Counts { received: 1, failed: 1, ..Counts::default() };
        }
    };
    let mut counts = Counts { received: notices.len() as u64, ..Counts::default() };
    for notice in notices {
        match handle_notice(context, notice).await {
            Ok(Outcome::Started) => counts.started += 1,
            Ok(Outcome::Duplicate) => counts.duplicates += 1,
            Ok(Outcome::Skipped) => counts.skipped += 1,
            Err(error) => {
                log_failure(message_id, &error);
                counts.failed += 1;
            }
        }
    }
    counts
}

fn log_failure(message_id: &str, error: &Error) {
    let error_kind = error.kind().name();
    tracing::error!(message_id, error = %error, error_kind, "message failed");
}

enum Outcome {
    Started,
    Duplicate,
    Skipped,
}

async fn handle_notice(context: &Context, notice: Notice) -> Result<Outcome> {
    let landed = match notice {
        Notice::Landed(landed) => landed,
        Notice::Ignored { reason } => {
            tracing::info!(reason, "event skipped");
            return Ok(Outcome::Skipped);
        }
    };
    let execution = Execution::of(&landed)?;
    if let Some(reason) = needs_no_run(&context.storage, &landed).await? {
        let key = &landed.object.key;
        tracing::info!(key, reason, "event skipped");
        return Ok(Outcome::Skipped);
    }
    let started = context.starter.start(&execution, landed.event_time).await?;
    let (execution, key) = (&execution.name, &landed.object.key);
    match started {
        Started::New => {
            tracing::info!(execution, key, "execution started");
            Ok(Outcome::Started)
        }
        Started::Known => {
            tracing::info!(execution, key, "duplicate event: the execution exists");
            Ok(Outcome::Duplicate)
        }
    }
}

/// Why an object starts no run: one that is under way wrote it itself, or its rows are loaded
/// already. The key alone is no proof, since users choose their keys; the metadata is set by
/// `generate` and by `shopflow erase` only.
async fn needs_no_run(storage: &Storage, landed: &Landed) -> Result<Option<&'static str>> {
    let metadata = match storage.head(&landed.object).await {
        Ok(info) => info.metadata,
        // The run will say that it is gone, where people look for it.
        Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.contains_key(ERASURE_METADATA) {
        return Ok(Some("the object was written anew to erase a customer"));
    }
    let run_id = keys::run_of_generated(&landed.object.key);
    let marked = metadata.get(keys::RUN_METADATA).map(String::as_str);
    let is_of_run = run_id.is_some() && marked == run_id;
    Ok(is_of_run.then_some("the run that generated the object processes it"))
}
