//! Uploads that could not be turned into a run.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::{Message, SendMessageBatchRequestEntry};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};
use shopflow_ingest::execution::Execution as Asked;
use shopflow_ingest::notification::{self, Landed, Notice};

use super::letter::{Action, Letter, Scope};
use super::letters::{BATCH, Letters, deliveries};
use crate::execution::Execution;
use crate::target::Target;

const QUEUE: &str = "ingest";
/// Longer than a batch takes.
const HIDDEN_SECONDS: i32 = 300;
/// Bytes of one batch; SQS takes at least 256 KiB, attributes included.
const BATCH_BYTES: usize = 200 * 1024;

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Another try can succeed.
    Retry,
    /// It can not, and this is why.
    Hopeless(String),
}

/// What a message is about, why it failed and whether another try can succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Judged {
    about: String,
    because: String,
    verdict: Verdict,
}

/// Moves the dead letters of the uploads back to their queue.
///
/// The messages are received and sent on, not moved by `StartMessageMoveTask`: that one knows no
/// dry run and no single messages, and would take along those that can only fail again.
///
/// # Errors
/// When the queues or what the messages are about cannot be read.
pub async fn redrive(target: &Target, scope: Scope) -> Result<Vec<Letter>> {
    let source = target.stack.output("IngestQueueUrl")?;
    let dead = target.stack.output("IngestDeadLetterQueueUrl")?;
    let sqs = target.sqs();
    let mut queue = Letters::new(&sqs, dead, HIDDEN_SECONDS, scope.limit);
    let mut letters = Vec::new();
    loop {
        let messages = queue.take(BATCH).await?;
        if messages.is_empty() {
            break;
        }
        let mut retried = Vec::new();
        for message in &messages {
            let judged = judge(target, message).await?;
            let mut letter = letter(message, judged.about, judged.because);
            match judged.verdict {
                Verdict::Hopeless(why) => letter.note = Some(why),
                Verdict::Retry if scope.dry_run => letter.action = Action::WouldRetry,
                Verdict::Retry => {
                    retried.push((message, letter));
                    continue;
                }
            }
            queue.keep(message);
            letters.push(letter);
        }
        letters.extend(resend(&sqs, source, &mut queue, retried).await?);
    }
    queue.release().await?;
    Ok(letters)
}

/// Sends the messages to `source` and deletes those that arrived there.
async fn resend(
    sqs: &aws_sdk_sqs::Client,
    source: &str,
    queue: &mut Letters,
    mut retried: Vec<(&Message, Letter)>,
) -> Result<Vec<Letter>> {
    let mut arrived: Vec<usize> = Vec::new();
    for batch in batches(&retried) {
        let mut entries = Vec::with_capacity(batch.len());
        for index in batch.clone() {
            let message = retried[index].0;
            let entry = SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(message.body().unwrap_or_default())
                .set_message_attributes(message.message_attributes.clone())
                .build()
                .or_error(ErrorKind::Internal, "build send request failed")?;
            entries.push(entry);
        }
        let request = sqs.send_message_batch().queue_url(source).set_entries(Some(entries));
        match request.send().await {
            Ok(answer) => {
                arrived.extend(
                    answer.successful().iter().filter_map(|entry| entry.id().parse::<usize>().ok()),
                );
                for entry in answer.failed() {
                    let Ok(index) = entry.id().parse::<usize>() else { continue };
                    let reason = entry.message().unwrap_or(entry.code());
                    retried[index].1.note = Some(format!("it could not be sent: {reason}"));
                }
            }
            Err(error) => {
                let error = Error::aws(ErrorKind::TransientService, "send message", error);
                for index in batch {
                    retried[index].1.note = Some(error.to_string());
                }
            }
        }
    }
    arrived.sort_unstable();
    let messages: Vec<&Message> = arrived.iter().map(|index| retried[*index].0).collect();
    for index in &arrived {
        retried[*index].1.action = Action::Moved;
    }
    for (position, reason) in queue.delete(&messages).await? {
        if let Some(index) = arrived.get(position) {
            let letter = &mut retried[*index].1;
            letter.still_there = true;
            letter.note = Some(format!("it is among the dead letters, too: {reason}"));
        }
    }
    for (message, letter) in &retried {
        if letter.action == Action::Left {
            queue.keep(message);
        }
    }
    Ok(retried.into_iter().map(|(_, letter)| letter).collect())
}

/// Ranges of messages that fit into one request each.
fn batches(messages: &[(&Message, Letter)]) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (index, (message, _)) in messages.iter().enumerate() {
        let size = message.body().map_or(0, str::len);
        if index > from && (index - from == BATCH || bytes + size > BATCH_BYTES) {
            ranges.push(from..index);
            (from, bytes) = (index, 0);
        }
        bytes += size;
    }
    if from < messages.len() {
        ranges.push(from..messages.len());
    }
    ranges
}

fn letter(message: &Message, about: String, because: String) -> Letter {
    Letter {
        queue: QUEUE,
        message_id: message.message_id().unwrap_or_default().to_owned(),
        about,
        failed_because: because,
        action: Action::Left,
        note: None,
        still_there: false,
    }
}

async fn judge(target: &Target, message: &Message) -> Result<Judged> {
    let notices = match read(message.body().unwrap_or_default()) {
        Ok(notices) => notices,
        Err(error) => {
            return Ok(Judged {
                about: "no upload".to_owned(),
                because: error.to_string(),
                verdict: Verdict::Hopeless("it would fail again: delete it".to_owned()),
            });
        }
    };
    let storage = target.storage();
    let mut about = Vec::new();
    let mut because = Vec::new();
    let mut verdict = Verdict::Retry;
    for (landed, asked) in notices {
        about.push(format!("s3://{}/{}", landed.object.bucket, landed.object.key));
        let hindrance = match &asked {
            Err(error) => Some(error.to_string()),
            Ok(_) => gone(&storage, &landed).await?,
        };
        if let Some(hindrance) = hindrance {
            because.push(hindrance);
            verdict = Verdict::Hopeless(
                "it would fail again: upload the file where it belongs, and delete the message"
                    .to_owned(),
            );
            continue;
        }
        let Ok(asked) = asked else { continue };
        let machine = target.stack.pipeline()?;
        for name in BTreeSet::from([&asked.name, &asked.former_name]) {
            let run = Execution::named(&target.sfn(), machine, name);
            if run.find().await?.is_some() {
                because.push(format!("its run {name} has begun since"));
            }
        }
    }
    if because.is_empty() {
        because.push(format!(
            "ingest failed at each of {} deliveries (the log /aws/lambda/{} says why)",
            deliveries(message).saturating_sub(1).max(1),
            target.stack.function(QUEUE)
        ));
    }
    if about.is_empty() {
        about.push("a notice that starts no run".to_owned());
    }
    Ok(Judged { about: about.join(", "), because: because.join("; "), verdict })
}

/// The uploads a message is about, and the run each of them asks for: what `ingest` will make of
/// it.
fn read(body: &str) -> Result<Vec<(Landed, Result<Asked>)>> {
    let landed = notification::read(body)?.into_iter().filter_map(|notice| match notice {
        Notice::Landed(landed) => Some(landed),
        Notice::Ignored { .. } => None,
    });
    Ok(landed
        .map(|landed| {
            let asked = Asked::of(&landed);
            (landed, asked)
        })
        .collect())
}

/// Why the object cannot be read, if it is not there.
async fn gone(storage: &Storage, landed: &Landed) -> Result<Option<String>> {
    match storage.head(&landed.object).await {
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Ok(Some("the object is not there any more".to_owned()))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(key: &str) -> String {
        json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "eventTime": "2026-01-15T10:00:00.000Z", "userIdentity": {"principalId": "u"},
            "requestParameters": {"sourceIPAddress": "192.0.2.1"},
            "s3": {"bucket": {"name": "landing"}, "object": {"key": key, "versionId": "v1"}}
        }]})
        .to_string()
    }

    #[test]
    fn a_message_is_read_as_ingest_reads_it() {
        let mut read_back = read(&event("incoming/products/my+file.csv")).unwrap();
        let (landed, asked) = read_back.remove(0);
        assert_eq!(landed.object.key, "incoming/products/my file.csv");
        assert!(asked.unwrap().name.starts_with("s3-products-"));
        let (_, asked) = read(&event("incoming/orders/o.csv")).unwrap().remove(0);
        assert!(asked.unwrap_err().to_string().contains("unknown dataset 'orders'"));
        assert!(read("this is not an S3 event").is_err());
    }

    #[test]
    fn batches_keep_to_the_limits_of_a_request() {
        let small = Message::builder().body("x").build();
        let large = Message::builder().body("x".repeat(BATCH_BYTES - 10)).build();
        let about = || letter(&small, String::new(), String::new());
        let of = |messages: &[&Message]| {
            let messages: Vec<_> = messages.iter().map(|message| (*message, about())).collect();
            batches(&messages)
        };
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[&small; 12]), [0..10, 10..12]);
        assert_eq!(of(&[&small, &large, &large, &small]), [0..2, 2..4]);
    }
}
