//! Reading the body of an SQS message that S3 wrote.

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, keys};

/// What one record of a notification means for the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// An object was written.
    Landed(Landed),
    /// Nothing to do.
    Ignored { reason: &'static str },
}

/// An object that was written, as its event describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// With the decoded key.
    pub object: ObjectRef,
    /// Tells this write of the key from every other one: the version id; in a bucket without
    /// versioning the sequencer, which grows with each write, or the ETag.
    pub identity: String,
    /// When S3 finished the request.
    pub event_time: DateTime<Utc>,
}

/// Every notice in the body of a message; the test event that S3 sends when a notification is
/// configured holds one that is ignored.
///
/// # Errors
/// `InvalidInput` when the body is not an S3 notification or a record names no object.
pub fn read(body: &str) -> Result<Vec<Notice>> {
    let body: Value =
        serde_json::from_str(body).or_error(ErrorKind::InvalidInput, "message body is not JSON")?;
    if body.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(vec![Notice::Ignored { reason: "test event of S3" }]);
    }
    let event: S3Event = serde_json::from_value(body)
        .or_error(ErrorKind::InvalidInput, "message body is not an S3 notification")?;
    event.records.into_iter().map(notice).collect()
}

fn notice(record: S3EventRecord) -> Result<Notice> {
    let name = record.event_name.as_deref().unwrap_or("");
    if !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
        return Ok(Notice::Ignored { reason: "no object was created" });
    }
    let (bucket, object) = (record.s3.bucket, record.s3.object);
    let bucket = bucket.name.ok_or_else(|| Error::invalid("S3 event names no bucket"))?;
    let encoded = object.key.ok_or_else(|| Error::invalid("S3 event names no key"))?;
    let key = decode_key(&encoded)?;
    let bytes = object.size.and_then(|size| u64::try_from(size).ok());
    if keys::is_marker(&key, bytes) {
        return Ok(Notice::Ignored { reason: "marker without rows" });
    }
    let version_id = object.version_id.filter(|version| !version.is_empty() && version != "null");
    let identity = version_id.clone().or(object.sequencer).or(object.e_tag).ok_or_else(|| {
        Error::invalid("S3 event has neither version, sequencer nor ETag").with("key", &key)
    })?;
    Ok(Notice::Landed(Landed {
        object: ObjectRef { bucket, key, version_id },
        identity,
        event_time: record.event_time,
    }))
}

/// S3 encodes keys as HTML forms do: a space is `+`, everything unusual a percent sequence.
fn decode_key(encoded: &str) -> Result<String> {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(|key| key.into_owned())
        .or_error(ErrorKind::InvalidInput, "key is not UTF-8")
        .map_err(|error| error.with("key", encoded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(event_name: &str, object: Value) -> String {
        json!({"Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventTime": "2026-01-15T23:59:59.123Z",
            "eventName": event_name,
            "userIdentity": {"principalId": "AWS:user"},
            "requestParameters": {"sourceIPAddress": "192.0.2.1"},
            "s3": {"bucket": {"name": "landing"}, "object": object},
        }]})
        .to_string()
    }

    fn landed(object: Value) -> Landed {
        match read(&body("ObjectCreated:Put", object)).unwrap().remove(0) {
            Notice::Landed(landed) => landed,
            ignored => panic!("{ignored:?}"),
        }
    }

    #[test]
    fn keys_are_decoded_as_forms_are() {
        let object = json!({"key": "incoming/customers/M%C3%A4rz+2026%2B1.csv", "versionId": "v"});
        assert_eq!(landed(object).object.key, "incoming/customers/März 2026+1.csv");
    }

    #[test]
    fn a_key_that_is_not_utf8_is_refused() {
        let object = json!({"key": "incoming/customers/%FF.csv", "versionId": "v"});
        let error = read(&body("ObjectCreated:Put", object)).unwrap_err();
        assert!(error.to_string().contains("incoming/customers/%FF.csv"), "{error}");
    }

    #[test]
    fn the_version_identifies_a_write_and_is_passed_on() {
        let object = json!({"key": "k", "versionId": "v1", "sequencer": "s", "eTag": "e"});
        let landed = landed(object);
        assert_eq!(landed.identity, "v1");
        assert_eq!(landed.object.version_id.as_deref(), Some("v1"));
    }

    #[test]
    fn without_versions_the_sequencer_identifies_a_write() {
        for version in [json!(null), json!("null"), json!("")] {
            let object = json!({"key": "k", "versionId": version, "sequencer": "s", "eTag": "e"});
            let landed = landed(object);
            assert_eq!(landed.identity, "s");
            assert_eq!(landed.object.version_id, None);
        }
        assert_eq!(landed(json!({"key": "k", "eTag": "e"})).identity, "e");
        assert!(read(&body("ObjectCreated:Put", json!({"key": "k"}))).is_err());
    }

    #[test]
    fn every_way_of_creating_an_object_counts_and_nothing_else() {
        let object = json!({"key": "k", "versionId": "v"});
        for name in ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"] {
            let notices = read(&body(name, object.clone())).unwrap();
            assert!(matches!(notices[..], [Notice::Landed(_)]), "{name}");
        }
        for name in ["ObjectRemoved:Delete", "ObjectTagging:Put", ""] {
            let notices = read(&body(name, object.clone())).unwrap();
            assert!(matches!(notices[..], [Notice::Ignored { .. }]), "{name}");
        }
    }

    #[test]
    fn markers_and_test_events_are_ignored() {
        for key in ["incoming/customers/", "incoming/customers/_SUCCESS"] {
            let marker = body("ObjectCreated:Put", json!({"key": key, "size": 0, "eTag": "e"}));
            assert_eq!(read(&marker).unwrap(), [Notice::Ignored { reason: "marker without rows" }]);
        }
        let empty = json!({"key": "incoming/customers/c.csv", "size": 0, "eTag": "e"});
        assert_eq!(landed(empty).object.key, "incoming/customers/c.csv");
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"landing"}"#;
        assert!(matches!(read(test).unwrap()[..], [Notice::Ignored { .. }]));
    }

    #[test]
    fn a_body_that_is_no_notification_is_refused() {
        assert!(read("").unwrap_err().to_string().contains("not JSON"));
        assert!(read("{}").unwrap_err().to_string().contains("not an S3 notification"));
    }
}
