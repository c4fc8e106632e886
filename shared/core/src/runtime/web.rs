//! A call through a function's URL: what is logged and counted of it, and what it answers when it
//! fails.

use std::future::Future;
use std::time::Instant;

use serde_json::{Value, json};
use tracing::Instrument;

use super::gathered::Gathered;
use super::invocation::Invocation;
use crate::error::{Error, Result};
use crate::http::Response;

/// Longest path in the log, in characters: whoever calls may write what they like.
const SHOWN: usize = 128;

/// What was asked, as far as the log has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    method: String,
    path: String,
}

impl Place {
    /// Method and path of an event, empty if it has none.
    pub fn of(event: &Value) -> Place {
        let text = |pointer: &str| -> String {
            let text = event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            text.chars().take(SHOWN).collect()
        };
        Place { method: text("/requestContext/http/method"), path: text("/rawPath") }
    }
}

/// What a function answers whose configuration is wrong: callers can do nothing about it.
pub(super) fn unbuilt(error: &Error) -> Value {
    if error.kind().is_transient() {
        return encoded(&Response::of_error(error));
    }
    encoded(&Response::of_error(&Error::internal("the configuration is wrong")))
}

/// Waits for the handler's response, and has one for its error.
pub(super) async fn respond(
    place: &Place,
    handling: impl Future<Output = Result<Value>>,
    invocation: &Invocation,
    gathered: &Gathered,
) -> Value {
    let Place { method, path } = place;
    let function = invocation.call.function();
    let request_id = &invocation.request_id;
    let span = tracing::info_span!("invocation", function, %request_id, method, path);
    async {
        let outcome = handling.await;
        let duration_ms = invocation.call.duration_ms();
        let (answer, error) = match outcome {
            Ok(answer) => (answer, None),
            Err(error) => (encoded(&Response::of_error(&error)), Some(error)),
        };
        let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or(500);
        match error {
            None => tracing::info!(duration_ms, status, "done"),
            Some(error) => {
                let error_kind = error.kind().name();
                tracing::error!(duration_ms, status, error = %error, error_kind, "failed");
            }
        }
        let metrics = &invocation.metrics;
        metrics.millis("Duration", duration_ms, &[]);
        metrics.count("Failures", u64::from(status >= 500), &[]);
        metrics.add(gathered.add(metrics.take(), Instant::now()));
        metrics.flush().await;
        answer
    }
    .instrument(span)
    .await
}

fn encoded(response: &Response) -> Value {
    // A status and texts can always be encoded.
    serde_json::to_value(response).unwrap_or_else(|_| json!({"statusCode": 500}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    async fn answered(handling: impl Future<Output = Result<Value>>) -> Value {
        let aws = aws_config::SdkConfig::builder().build();
        let invocation = Invocation::detached(&aws, "collect");
        let place = Place::of(&json!({"rawPath": "/"}));
        respond(&place, handling, &invocation, &Gathered::default()).await
    }

    #[tokio::test]
    async fn a_response_goes_out_as_it_is_and_an_error_becomes_one() {
        let response = encoded(&Response::new(204));
        assert_eq!(answered(async { Ok(response.clone()) }).await, response);
        let error = Error::new(ErrorKind::TransientDatabase, "connection lost");
        let answer = answered(async { Err(error) }).await;
        assert_eq!(answer["statusCode"], 503);
        assert_eq!(answer["headers"]["retry-after"], "2");
        assert!(answer.get("usage").is_none(), "{answer}");
    }

    #[test]
    fn callers_are_not_told_what_is_wrong_with_the_configuration() {
        let answer = unbuilt(&Error::invalid("database.host is not set"));
        assert_eq!(answer["statusCode"], 500);
        assert!(!answer.to_string().contains("database"), "{answer}");
        let answer = unbuilt(&Error::new(ErrorKind::TransientStorage, "read failed"));
        assert_eq!(answer["statusCode"], 503);
    }

    #[test]
    fn the_log_has_method_and_path_and_not_the_query() {
        let event = json!({
            "rawPath": "/".repeat(1000),
            "rawQueryString": "token=secret",
            "requestContext": {"http": {"method": "GET", "sourceIp": "192.0.2.7"}},
        });
        let place = Place::of(&event);
        assert_eq!(place, Place { method: "GET".to_owned(), path: "/".repeat(SHOWN) });
        assert_eq!(Place::of(&json!([])), Place { method: String::new(), path: String::new() });
    }
}
