//! The JSON protocol: the operation is named in a header, a JSON object goes out, another comes back.

use aws_config::SdkConfig;
use serde_json::Value;

use crate::refusal::Refusal;
use crate::service::{Outcome, Request, Service};

/// Calls `target`, such as `Kinesis_20131202.PutRecords`; `decode` takes what it needs from the
/// answer.
///
/// # Errors
/// What the service refuses, and an answer that is no JSON or that `decode` refuses.
pub async fn call<T>(
    service: Service,
    aws: &SdkConfig,
    target: &'static str,
    input: &Value,
    decode: impl Fn(&Value) -> Result<T, Refusal> + Send + Sync + 'static,
) -> Outcome<T>
where
    T: std::fmt::Debug + Send + Sync + 'static,
{
    let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
    let request = Request {
        method: "POST",
        path: "/".to_owned(),
        content_type: "application/x-amz-json-1.1",
        headers: vec![("x-amz-target", target)],
        body: input.to_string().into_bytes(),
    };
    let answer = service.call(aws, operation, request, move |response| {
        match response.body().bytes().unwrap_or_default() {
            // What some operations answer that have nothing to say.
            b"" => decode(&Value::Null),
            answer => decode(&read(answer)?),
        }
    });
    answer.await
}

/// The JSON of an answer.
pub(crate) fn read(answer: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(answer)
        .map_err(|error| Refusal::new(None, format!("its answer cannot be understood: {error}")))
}

/// The error codes of the entries of a batch, in their order; nothing for one that was taken.
///
/// An answer about another number of entries than were sent would let some get lost.
pub(crate) fn codes(
    answer: &Value,
    list: &str,
    sent: usize,
) -> Result<Vec<Option<String>>, Refusal> {
    let entries = answer.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if entries.len() != sent {
        let told = entries.len();
        return Err(Refusal::new(None, format!("its answer is about {told} of {sent} entries")));
    }
    let code = |entry: &Value| entry.get("ErrorCode")?.as_str().map(str::to_owned);
    Ok(entries.iter().map(code).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_entry_is_told_apart_by_its_place() {
        let answer = json!({"FailedRecordCount": 1, "Records": [
            {"SequenceNumber": "1", "ShardId": "shardId-000000000000"},
            {"ErrorCode": "InternalFailure", "ErrorMessage": "Internal Service Failure"},
            {"SequenceNumber": "2", "ShardId": "shardId-000000000001", "ErrorCode": null},
        ]});
        let expected = vec![None, Some("InternalFailure".to_owned()), None];
        assert_eq!(codes(&answer, "Records", 3).unwrap(), expected);
    }

    #[test]
    fn an_answer_that_is_not_about_every_entry_is_refused() {
        for answer in [json!({}), json!({"Records": []}), json!({"Records": {"0": {}}})] {
            assert!(codes(&answer, "Records", 1).is_err(), "{answer}");
        }
        assert!(codes(&json!({"Records": []}), "Records", 0).is_ok());
    }

    #[test]
    fn an_answer_that_is_no_json_is_told() {
        assert!(read(b"<html>").unwrap_err().to_string().contains("cannot be understood"));
    }
}
