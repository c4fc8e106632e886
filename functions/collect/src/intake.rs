//! The events of a request, checked one by one.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use shopflow_core::rules::Rule;
use shopflow_windows::{Reader, Refusal};

/// The field that may be left out: the function then knows it as well as the page.
const TIMESTAMP: &str = "timestamp";

/// What a request brought.
#[derive(Debug, Default)]
pub struct Intake {
    pub lines: Vec<Line>,
    pub refused: Vec<Refused>,
}

/// A good event.
pub struct Line {
    /// Events of one visit stay together.
    pub session_id: String,
    /// Its JSON object on one line, without the line break.
    pub text: Vec<u8>,
}

/// Sessions and events are about persons: only the length is shown.
impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

/// An event that was not taken, and why; without its values, which whoever sent them knows.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its number within the request, from 1.
    pub event: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<&'static str>,
    pub rule: Rule,
    pub reason: String,
}

impl Intake {
    /// Checks the events of a request that came `now`.
    pub fn of(reader: &Reader, events: &[&[u8]], now: DateTime<Utc>) -> Intake {
        let mut intake = Intake::default();
        for (event, object) in (1..).zip(events) {
            match line(reader, object, now) {
                Ok(line) => intake.lines.push(line),
                Err(Refusal { column, rule, reason, .. }) => {
                    intake.refused.push(Refused { event, column, rule, reason });
                }
            }
        }
        intake
    }
}

fn line(reader: &Reader, object: &[u8], now: DateTime<Utc>) -> Result<Line, Refusal> {
    let object = match reader.read(object) {
        Ok(click) => {
            return Ok(Line { session_id: click.session_id.into_owned(), text: one_line(object) });
        }
        Err(refusal) if lacks_timestamp(&refusal) => stamped(object, now),
        Err(refusal) => return Err(refusal),
    };
    let click = reader.read(&object)?;
    Ok(Line { session_id: click.session_id.into_owned(), text: one_line(&object) })
}

fn lacks_timestamp(refusal: &Refusal) -> bool {
    refusal.column == Some(TIMESTAMP) && refusal.rule == Rule::MissingField
}

/// The object with the moment as its first field.
fn stamped(object: &[u8], now: DateTime<Utc>) -> Vec<u8> {
    let moment = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    let inner = object.trim_ascii_start();
    let inner = inner.strip_prefix(b"{").unwrap_or(inner);
    let mut stamped = format!("{{\"{TIMESTAMP}\":\"{moment}\",").into_bytes();
    stamped.extend_from_slice(inner);
    stamped
}

/// Line breaks in JSON stand between its parts only: in texts they are escaped.
fn one_line(object: &[u8]) -> Vec<u8> {
    let space = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    object.trim_ascii().iter().map(space).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};
    use shopflow_core::Settings;

    use super::*;

    fn reader() -> Reader {
        Reader::new(&Settings::from_sources("local", HashMap::new(), &[]).unwrap())
    }

    fn event() -> Value {
        json!({
            "event_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "session_id": "s-1",
            "event_type": "page_view",
            "url": "https://shop.example/",
            "device": "mobile",
            "country": "DE",
            "timestamp": "2026-01-15T09:30:00Z",
        })
    }

    fn without(field: &str) -> Vec<u8> {
        let mut event = event();
        event.as_object_mut().unwrap().remove(field);
        event.to_string().into_bytes()
    }

    fn now() -> DateTime<Utc> {
        "2026-02-03T04:05:06.789012Z".parse().unwrap()
    }

    fn intake(events: &[&[u8]]) -> Intake {
        Intake::of(&reader(), events, now())
    }

    #[test]
    fn a_good_event_is_passed_on_as_it_came_on_one_line() {
        let text = serde_json::to_string_pretty(&event()).unwrap().replace('\n', "\r\n");
        let intake = intake(&[text.as_bytes()]);
        assert!(intake.refused.is_empty(), "{:?}", intake.refused);
        let line = &intake.lines[0];
        assert_eq!(line.session_id, "s-1");
        assert!(!line.text.contains(&b'\n') && !line.text.contains(&b'\r'));
        assert_eq!(serde_json::from_slice::<Value>(&line.text).unwrap(), event());
    }

    #[test]
    fn an_event_without_a_moment_gets_that_of_the_request() {
        let intake = intake(&[&without("timestamp")]);
        assert!(intake.refused.is_empty(), "{:?}", intake.refused);
        let passed: Value = serde_json::from_slice(&intake.lines[0].text).unwrap();
        assert_eq!(passed["timestamp"], "2026-02-03T04:05:06.789012Z");
        let mut rest = passed;
        rest["timestamp"] = event()["timestamp"].clone();
        assert_eq!(rest, event());
    }

    #[test]
    fn a_moment_that_is_no_moment_is_refused_and_not_replaced() {
        for wrong in [json!(null), json!("yesterday")] {
            let mut event = event();
            event["timestamp"] = wrong.clone();
            let intake = intake(&[event.to_string().as_bytes()]);
            assert!(intake.lines.is_empty(), "{wrong}");
            assert_eq!(intake.refused[0].column, Some("timestamp"), "{wrong}");
        }
    }

    #[test]
    fn refused_events_are_told_by_number_and_without_values() {
        let mut wrong = event();
        wrong["device"] = json!("secret-device");
        let (good, wrong) = (event().to_string(), wrong.to_string());
        let nameless = without("event_id");
        let intake = intake(&[good.as_bytes(), wrong.as_bytes(), &nameless, b"{\"a\": "]);
        assert_eq!(intake.lines.len(), 1);
        let told = serde_json::to_value(&intake.refused).unwrap();
        assert_eq!(told[0]["event"], 2);
        assert_eq!(
            (&told[0]["column"], &told[0]["rule"]),
            (&json!("device"), &json!("not_in_set"))
        );
        assert_eq!((&told[1]["event"], &told[1]["column"]), (&json!(3), &json!("event_id")));
        assert_eq!((&told[2]["event"], &told[2]["rule"]), (&json!(4), &json!("invalid_json")));
        assert!(!told.to_string().contains("secret-device"), "{told}");
    }
}
