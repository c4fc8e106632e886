//! Nightly runs that the schedule could not start.
//!
//! The message is the input of the run, with what went wrong as attributes. The run is started as
//! the schedule would have done, for the day it was meant for.

use aws_sdk_sqs::types::Message;
use serde_json::{Map, Value};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::letter::{Action, Letter, Scope};
use super::letters::{BATCH, Letters, shortened};
use crate::execution::Execution;
use crate::target::Target;

const QUEUE: &str = "schedule";
/// Longer than a batch takes.
const HIDDEN_SECONDS: i32 = 300;
/// Step Functions takes names of up to 80 characters.
const NAME_CHARACTERS: usize = 80;

/// A run that was to be started.
#[derive(Debug, PartialEq, Eq)]
struct Missed {
    /// The same for the same message, so that it is started once however often that is tried.
    name: String,
    input: String,
    because: String,
}

/// Starts the runs. A message is deleted once its run has been started; how the run ends is told as
/// of any other run.
///
/// A stack without a schedule has no such queue, and no messages.
///
/// # Errors
/// When the queue cannot be read. A run that cannot be started is a [`Letter`] that stays.
pub async fn redrive(target: &Target, scope: Scope) -> Result<Vec<Letter>> {
    let sqs = target.sqs();
    let name = format!("{}-dead-letters", target.stack.function(QUEUE));
    let url = match sqs.get_queue_url().queue_name(&name).send().await {
        Ok(found) => found.queue_url.unwrap_or_default(),
        Err(error) => {
            let refused = error.as_service_error();
            if refused.is_some_and(|error| error.is_queue_does_not_exist()) {
                return Ok(Vec::new());
            }
            let error = Error::aws(ErrorKind::TransientService, "find queue", error);
            return Err(error.with("queue", &name));
        }
    };
    let machine = target.stack.pipeline()?;
    let mut queue = Letters::new(&sqs, &url, HIDDEN_SECONDS, scope.limit);
    let mut letters = Vec::new();
    loop {
        let messages = queue.take(BATCH).await?;
        if messages.is_empty() {
            break;
        }
        for message in &messages {
            let mut letter = letter(message);
            match read(message, machine) {
                Err(error) => {
                    letter.failed_because = error.to_string();
                    letter.note = Some("it would fail again: delete it".to_owned());
                }
                Ok(missed) => {
                    letter.about = format!("run {} with {}", missed.name, missed.input);
                    letter.failed_because.clone_from(&missed.because);
                    if scope.dry_run {
                        letter.action = Action::WouldRetry;
                    } else {
                        start(target, machine, &missed, &mut letter).await;
                    }
                }
            }
            if letter.action == Action::Started {
                for (_, reason) in queue.delete(&[message]).await? {
                    letter.still_there = true;
                    letter.note = Some(format!("the message is still there: {reason}"));
                }
            } else {
                queue.keep(message);
            }
            letters.push(letter);
        }
    }
    queue.release().await?;
    Ok(letters)
}

fn letter(message: &Message) -> Letter {
    Letter {
        queue: QUEUE,
        message_id: message.message_id().unwrap_or_default().to_owned(),
        about: "no run".to_owned(),
        failed_because: String::new(),
        action: Action::Left,
        note: None,
        still_there: false,
    }
}

async fn start(target: &Target, machine: &str, missed: &Missed, letter: &mut Letter) {
    let sfn = target.sfn();
    // Before it is started: Step Functions refuses the name of a run that has ended.
    match Execution::named(&sfn, machine, &missed.name).find().await {
        Ok(Some(_)) => {
            letter.action = Action::Started;
            letter.note = Some("its run has begun since".to_owned());
        }
        Ok(None) => match Execution::start(&sfn, machine, &missed.name, &missed.input).await {
            Ok(_) => letter.action = Action::Started,
            Err(error) => letter.note = Some(shortened(&error.to_string())),
        },
        Err(error) => letter.note = Some(shortened(&error.to_string())),
    }
}

/// The run a message is about; only runs of `machine` are started.
fn read(message: &Message, machine: &str) -> Result<Missed> {
    let attribute = |name: &str| {
        let attributes = message.message_attributes()?;
        Some(attributes.get(name)?.string_value()?.to_owned())
    };
    let Some(code) = attribute("ERROR_CODE") else {
        return Err(Error::invalid("the message is not from a schedule"));
    };
    if let Some(other) = attribute("TARGET_ARN").filter(|arn| arn != machine) {
        return Err(Error::invalid("the message is about another target").with("target", other));
    }
    if attribute("IS_PAYLOAD_TRUNCATED").is_some_and(|cut| cut.eq_ignore_ascii_case("true")) {
        return Err(Error::invalid("the input in the message is cut off"));
    }
    let mut input: Map<String, Value> = serde_json::from_str(message.body().unwrap_or_default())
        .or_error(ErrorKind::InvalidInput, "the input of the schedule is not a JSON object")?;
    let day = attribute("SCHEDULED_TIME")
        .and_then(|time| time.get(..10)?.parse::<chrono::NaiveDate>().ok());
    if let Some(day) = day {
        // Without it a run is for the day it is started on.
        input.entry("run_date").or_insert_with(|| Value::from(day.to_string()));
    }
    let id = attribute("EXECUTION_ID").or_else(|| message.message_id().map(str::to_owned));
    let id: String = id
        .unwrap_or_default()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .collect();
    let name: String = format!("{QUEUE}-{id}").chars().take(NAME_CHARACTERS).collect();
    let text = attribute("ERROR_MESSAGE").unwrap_or_default();
    let because = shortened(&format!("the schedule could not start it: {code}: {text}"));
    Ok(Missed { name, input: Value::Object(input).to_string(), because })
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    const MACHINE: &str =
        "arn:aws:states:eu-west-1:123456789012:stateMachine:shopflow-dev-pipeline";

    fn message(body: &str, attributes: &[(&str, &str)]) -> Message {
        let mut message = Message::builder().message_id("m-1").body(body);
        for (name, text) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*text);
            message = message.message_attributes(*name, value.build().unwrap());
        }
        message.build()
    }

    const FAILED: [(&str, &str); 5] = [
        ("ERROR_CODE", "AccessDeniedException"),
        ("ERROR_MESSAGE", "not authorised"),
        ("EXECUTION_ID", "ad06616e51cdf74a"),
        ("SCHEDULED_TIME", "2026-01-14T02:00:00Z"),
        ("TARGET_ARN", MACHINE),
    ];

    #[test]
    fn a_missed_run_is_started_for_the_day_it_was_meant_for() {
        let missed = read(&message("{}", &FAILED), MACHINE).unwrap();
        assert_eq!(missed.name, "schedule-ad06616e51cdf74a");
        assert_eq!(missed.input, "{\"run_date\":\"2026-01-14\"}");
        assert_eq!(
            missed.because,
            "the schedule could not start it: AccessDeniedException: not authorised"
        );
        let given = message("{\"run_date\":\"2026-01-01\"}", &FAILED);
        assert_eq!(read(&given, MACHINE).unwrap().input, "{\"run_date\":\"2026-01-01\"}");
    }

    #[test]
    fn a_message_without_day_and_number_is_started_as_it_is() {
        let missed = read(&message("{}", &FAILED[..2]), MACHINE).unwrap();
        assert_eq!((missed.name.as_str(), missed.input.as_str()), ("schedule-m-1", "{}"));
    }

    #[test]
    fn anything_else_starts_nothing() {
        let other = [FAILED[0], ("TARGET_ARN", "arn:aws:states:eu-west-1:1:stateMachine:x")];
        let cut = [FAILED[0], ("IS_PAYLOAD_TRUNCATED", "true")];
        for (message, why) in [
            (message("{}", &[]), "not from a schedule"),
            (message("[1]", &FAILED), "JSON object"),
            (message("{}", &other), "another target"),
            (message("{}", &cut), "cut off"),
        ] {
            let error = read(&message, MACHINE).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
