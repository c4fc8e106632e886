//! Calls of change data capture that failed for good.
//!
//! Two senders fill the queue: Lambda, with the event and the error of an asynchronous call whose
//! retries are used up, and the schedule, with the event it could not deliver.

use std::collections::HashSet;

use aws_sdk_sqs::types::Message;
use serde::Deserialize;
use serde_json::Value;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::letter::{Action, Letter, Scope};
use super::letters::{Letters, shortened};
use crate::target::Target;

const QUEUE: &str = "cdc";
const FUNCTION: &str = "cdc";
/// Longer than the function may run.
const HIDDEN_SECONDS: i32 = 960;

/// What Lambda sends about a failed asynchronous call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    request_context: RequestContext,
    request_payload: Value,
    #[serde(default)]
    response_payload: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    function_arn: String,
    #[serde(default)]
    condition: String,
}

/// A call to be made again.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    payload: String,
    because: String,
}

/// Makes the failed calls again, each with its own event; calls with the same event once, since
/// each goes on where the one before stopped. A message is deleted when its call has succeeded.
///
/// # Errors
/// When the queue cannot be read. A call that fails again is a [`Letter`] that stays.
pub async fn redrive(target: &Target, scope: Scope) -> Result<Vec<Letter>> {
    let sqs = target.sqs();
    let name = format!("{}-dead-letters", target.stack.function(FUNCTION));
    let url = sqs.get_queue_url().queue_name(&name).send().await.map_err(|error| {
        Error::aws(ErrorKind::TransientService, "find queue", error)
            .with("queue", &name)
            .hint("deploy the current template.yaml")
    })?;
    let url = url.queue_url().unwrap_or_default();
    let function = target.stack.function(FUNCTION);
    let mut queue = Letters::new(&sqs, url, HIDDEN_SECONDS, scope.limit);
    let mut letters = Vec::new();
    let mut done = HashSet::new();
    loop {
        // One by one: a call may take as long as the message is hidden.
        let Some(message) = queue.take(1).await?.pop() else { break };
        let mut letter = Letter {
            queue: QUEUE,
            message_id: message.message_id().unwrap_or_default().to_owned(),
            about: "no call".to_owned(),
            failed_because: String::new(),
            action: Action::Left,
            note: None,
            still_there: false,
        };
        match read(&message, &function) {
            Err(error) => {
                letter.failed_because = error.to_string();
                letter.note = Some("it would fail again: delete it".to_owned());
            }
            Ok(call) => {
                letter.about = shortened(&call.payload);
                letter.failed_because = call.because;
                if scope.dry_run {
                    letter.action = Action::WouldRetry;
                } else if done.contains(&call.payload) {
                    letter.action = Action::Called;
                    letter.note = Some("by the same call as another message".to_owned());
                } else {
                    match invoke(target, &function, &call.payload).await {
                        Ok(()) => {
                            letter.action = Action::Called;
                            done.insert(call.payload);
                        }
                        Err(error) => letter.note = Some(shortened(&error.to_string())),
                    }
                }
            }
        }
        if letter.action == Action::Called {
            for (_, reason) in queue.delete(&[&message]).await? {
                letter.still_there = true;
                letter.note = Some(format!("the message is still there: {reason}"));
            }
        } else {
            queue.keep(&message);
        }
        letters.push(letter);
    }
    queue.release().await?;
    Ok(letters)
}

/// The call a message is about; only calls of `function` are made again.
fn read(message: &Message, function: &str) -> Result<Call> {
    let body = message.body().unwrap_or_default();
    let attribute = |name: &str| {
        let attributes = message.message_attributes()?;
        Some(attributes.get(name)?.string_value()?.to_owned())
    };
    if let Some(code) = attribute("ERROR_CODE") {
        serde_json::from_str::<Value>(body)
            .or_error(ErrorKind::InvalidInput, "the event of the schedule is not JSON")?;
        let text = attribute("ERROR_MESSAGE").unwrap_or_default();
        let because = shortened(&format!("the schedule could not call it: {code}: {text}"));
        return Ok(Call { payload: body.to_owned(), because });
    }
    let failed: Invocation = serde_json::from_str(body)
        .or_error(ErrorKind::InvalidInput, "the message is not about a failed call")?;
    let arn = &failed.request_context.function_arn;
    // arn:aws:lambda:<region>:<account>:function:<name>, with a version or not
    if arn.split(':').nth(6) != Some(function) {
        return Err(Error::invalid("the message is about another function")
            .with("function", arn)
            .with("expected", function));
    }
    let because = because(&failed);
    Ok(Call { payload: failed.request_payload.to_string(), because })
}

fn because(failed: &Invocation) -> String {
    let field = |name: &str| failed.response_payload.as_ref()?.get(name)?.as_str();
    let condition = &failed.request_context.condition;
    let text = match (field("errorType"), field("errorMessage")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => return condition.clone(),
    };
    shortened(&format!("{text} ({condition})"))
}

/// Calls the function and waits for its answer.
async fn invoke(target: &Target, function: &str, payload: &str) -> Result<()> {
    let answer = target.invoke(function, payload).await?;
    if answer.function_error.is_none() {
        return Ok(());
    }
    let error: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
    let field =
        |name: &str| error.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned();
    Err(Error::invalid(format!(
        "it failed again: {}: {}",
        field("errorType"),
        field("errorMessage")
    )))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;
    use serde_json::json;

    use super::*;

    const CDC: &str = "shopflow-dev-cdc";

    fn failed_call(function: &str) -> Message {
        let body = json!({
            "version": "1.0", "timestamp": "2026-01-15T10:00:00.000Z",
            "requestContext": {
                "requestId": "e4b46cbf", "condition": "RetriesExhausted",
                "functionArn": format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}:$LATEST"),
                "approximateInvokeCount": 2
            },
            "requestPayload": {"snapshot": true},
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "responsePayload": {"errorType": "Transient.Database", "errorMessage": "no route"}
        });
        Message::builder().body(body.to_string()).build()
    }

    #[test]
    fn a_failed_call_is_made_again_with_its_own_event() {
        let call = read(&failed_call(CDC), CDC).unwrap();
        assert_eq!(call.payload, "{\"snapshot\":true}");
        assert_eq!(call.because, "Transient.Database: no route (RetriesExhausted)");
    }

    #[test]
    fn a_message_names_no_function_of_its_own_choice() {
        let error = read(&failed_call("shopflow-dev-generate"), CDC).unwrap_err().to_string();
        assert!(error.contains("another function"), "{error}");
    }

    #[test]
    fn an_event_that_the_schedule_could_not_deliver_is_delivered() {
        let attribute = |text: &str| {
            let value = MessageAttributeValue::builder().data_type("String").string_value(text);
            value.build().unwrap()
        };
        let message = Message::builder()
            .body("{}")
            .message_attributes("ERROR_CODE", attribute("AccessDenied"))
            .message_attributes("ERROR_MESSAGE", attribute("not authorised"))
            .build();
        let call = read(&message, CDC).unwrap();
        assert_eq!(call.payload, "{}");
        assert_eq!(call.because, "the schedule could not call it: AccessDenied: not authorised");
    }

    #[test]
    fn anything_else_is_not_called() {
        for body in ["", "{}", "[1]", "{\"requestPayload\": {}}"] {
            assert!(read(&Message::builder().body(body).build(), CDC).is_err(), "{body}");
        }
    }
}
