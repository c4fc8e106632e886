//! EventBridge: events that are put on the default bus.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use serde_json::{Value, json};

use crate::json;
use crate::service::{Outcome, Service};

const SERVICE: Service = Service { id: "EventBridge", name: "events" };
/// `PutEvents` takes at most this many events per call.
pub const ENTRIES: usize = 10;
/// The most bytes of a call.
pub const CALL_BYTES: usize = 256 * 1024;

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Who tells it, such as `shopflow.stream`.
    pub source: String,
    /// What it is about, such as `Cart abandoned`.
    pub detail_type: String,
    /// A JSON object.
    pub detail: Value,
    /// When it happened, to the second; the time of the call when absent.
    pub time: Option<SystemTime>,
}

/// `PutEvents`: puts at most [`ENTRIES`] events of at most [`CALL_BYTES`] together on the default
/// bus. It tells, in the order of the events, the error code of each that was not taken; whoever
/// calls sends those again.
///
/// # Errors
/// What EventBridge refuses as a whole.
pub async fn put_events(aws: &SdkConfig, entries: &[Entry]) -> Outcome<Vec<Option<String>>> {
    let sent = entries.len();
    let decode = move |answer: &Value| json::codes(answer, "Entries", sent);
    json::call(SERVICE, aws, "AWSEvents.PutEvents", &input(entries), decode).await
}

fn input(entries: &[Entry]) -> Value {
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let mut fields = json!({
                "Source": entry.source,
                "DetailType": entry.detail_type,
                "Detail": entry.detail.to_string(),
            });
            let since = entry.time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            if let (Value::Object(fields), Some(since)) = (&mut fields, since) {
                fields.insert("Time".to_owned(), since.as_secs().into());
            }
            fields
        })
        .collect();
    json!({"Entries": entries})
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_detail_is_a_text_and_the_time_seconds_since_1970() {
        let entry = |time| Entry {
            source: "shopflow.stream".to_owned(),
            detail_type: "Cart abandoned".to_owned(),
            detail: json!({"carts": 2}),
            time,
        };
        let then = UNIX_EPOCH + Duration::from_millis(1_768_469_400_500);
        let expected = json!({"Entries": [
            {"Source": "shopflow.stream", "DetailType": "Cart abandoned",
             "Detail": "{\"carts\":2}", "Time": 1_768_469_400},
            {"Source": "shopflow.stream", "DetailType": "Cart abandoned",
             "Detail": "{\"carts\":2}"},
        ]});
        assert_eq!(input(&[entry(Some(then)), entry(None)]), expected);
    }
}
