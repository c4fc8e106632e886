//! Taking messages out of a dead-letter queue, and letting go of them.

use std::collections::HashSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName,
};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// Messages of one request.
pub const BATCH: usize = 10;
/// A long poll asks every server of the queue: an empty answer means an empty queue.
const WAIT_SECONDS: i32 = 1;
/// Longest text of an error that is shown, in characters.
const SHOWN_CHARACTERS: usize = 300;

/// A dead-letter queue that is worked through.
#[derive(Debug)]
pub struct Letters {
    client: Client,
    url: String,
    /// Seconds for which nobody else gets a message that was taken.
    hidden_seconds: i32,
    /// Most messages that are taken.
    left: usize,
    seen: HashSet<String>,
    kept: Vec<String>,
}

impl Letters {
    pub fn new(client: &Client, url: &str, hidden_seconds: i32, limit: usize) -> Letters {
        Letters {
            client: client.clone(),
            url: url.to_owned(),
            hidden_seconds,
            left: limit,
            seen: HashSet::new(),
            kept: Vec::new(),
        }
    }

    /// The next messages, at most `most`; none at the end of the queue or at the limit.
    pub async fn take(&mut self, most: usize) -> Result<Vec<Message>> {
        let number = most.min(self.left).min(BATCH);
        if number == 0 {
            return Ok(Vec::new());
        }
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(number as i32)
            .wait_time_seconds(WAIT_SECONDS)
            .visibility_timeout(self.hidden_seconds)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| {
                Error::aws(ErrorKind::TransientService, "receive dead letters", error)
                    .with("queue", &self.url)
            })?;
        let mut messages = answer.messages.unwrap_or_default();
        self.left -= messages.len().min(self.left);
        // One that comes again was kept for longer than it is hidden: the queue is through.
        let before = messages.len();
        messages.retain(|message| self.seen.insert(message.message_id.clone().unwrap_or_default()));
        if messages.len() < before {
            self.left = 0;
        }
        Ok(messages)
    }

    /// The message stays in the queue; others get it again when the work is done.
    pub fn keep(&mut self, message: &Message) {
        self.kept.extend(message.receipt_handle.clone());
    }

    /// Deletes messages. Which of them are still there, by their position, and why.
    pub async fn delete(&self, messages: &[&Message]) -> Result<Vec<(usize, String)>> {
        let mut failed = Vec::new();
        for (number, batch) in messages.chunks(BATCH).enumerate() {
            let entries = batch
                .iter()
                .enumerate()
                .map(|(index, message)| {
                    DeleteMessageBatchRequestEntry::builder()
                        .id((number * BATCH + index).to_string())
                        .receipt_handle(message.receipt_handle().unwrap_or_default())
                        .build()
                })
                .collect::<std::result::Result<Vec<_>, _>>()
                .or_error(ErrorKind::Internal, "build delete request failed")?;
            let request = self.client.delete_message_batch().queue_url(&self.url);
            match request.set_entries(Some(entries)).send().await {
                Ok(answer) => failed.extend(answer.failed().iter().filter_map(|entry| {
                    let reason = entry.message().unwrap_or(entry.code());
                    Some((entry.id().parse().ok()?, reason.to_owned()))
                })),
                Err(error) => {
                    let error =
                        Error::aws(ErrorKind::TransientService, "delete dead letters", error);
                    let all = 0..batch.len();
                    failed.extend(all.map(|index| (number * BATCH + index, error.to_string())));
                }
            }
        }
        Ok(failed)
    }

    /// Makes the messages that stay visible again.
    pub async fn release(self) -> Result<()> {
        for batch in self.kept.chunks(BATCH) {
            let entries = batch
                .iter()
                .enumerate()
                .map(|(index, handle)| {
                    ChangeMessageVisibilityBatchRequestEntry::builder()
                        .id(index.to_string())
                        .receipt_handle(handle)
                        .visibility_timeout(0)
                        .build()
                })
                .collect::<std::result::Result<Vec<_>, _>>()
                .or_error(ErrorKind::Internal, "build visibility request failed")?;
            let request = self.client.change_message_visibility_batch().queue_url(&self.url);
            // A handle that has expired belongs to a message that is visible already.
            request.set_entries(Some(entries)).send().await.map_err(|error| {
                Error::aws(ErrorKind::TransientService, "release dead letters", error)
                    .with("queue", &self.url)
                    .hint("nothing is lost: the messages become visible again within minutes")
            })?;
        }
        Ok(())
    }
}

/// The begin of a text that somebody else wrote.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How often the message was delivered, this time included.
pub fn deliveries(message: &Message) -> u32 {
    message
        .attributes()
        .and_then(|attributes| {
            attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok()
        })
        .unwrap_or(1)
}
