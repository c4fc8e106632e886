//! Requests to the functions' own URLs, and the clicks that they bring.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use shopflow_collect::body;
use shopflow_collect::intake::Intake;
use shopflow_collect::records::records;
use shopflow_core::http::Request;
use shopflow_core::signed_link;
use shopflow_windows::record;

use crate::clicks::{self, READER, SETTINGS};

/// When every request comes: 2026-01-15T12:00:00Z.
const NOW: i64 = 1_768_478_400;
/// Signs the links.
const SECRET: &str = "a secret of more than thirty-two characters";
/// Where links have their token: in the query first, then in a cookie.
const TOKEN: [&str; 2] = ["token", "shopflow_dashboard"];

/// What is said of a body, by the first byte of an input: its type and its encoding.
const ANNOUNCED: [(&str, &str); 7] = [
    ("application/json", ""),
    ("text/plain;charset=UTF-8", ""),
    ("application/x-ndjson", ""),
    ("application/gzip", ""),
    ("Application/JSON", "gzip"),
    ("text/html", ""),
    ("application/json", "br"),
];

/// What Lambda sends for a request. Its parts are as the functions expect them, nothing of a visitor is
/// shown, and a link that is taken is one that was made; then its body, as `collect` takes it.
pub fn request(data: &[u8]) {
    let Ok(request) = serde_json::from_slice::<Request>(data) else { return };
    let Request { method, path, headers, cookies, body, .. } = &request;
    assert_eq!(*method, method.to_ascii_uppercase());
    assert!(headers.keys().all(|name| *name == name.to_ascii_lowercase()));
    assert!(cookies.keys().all(|name| name.trim() == name && !name.contains(['=', ';'])));
    assert!(cookies.values().all(|value| value.trim() == value && !value.contains(';')));
    let shown = format!("{request:?}");
    let bytes = body.len();
    let parts = format!("method: {method:?}, path: {path:?}, body_bytes: {bytes}, ..");
    assert_eq!(shown, format!("Request {{ {parts} }}"));
    if let Some(media_type) = request.media_type() {
        assert_eq!(media_type, media_type.trim().to_ascii_lowercase());
        assert!(!media_type.is_empty() && !media_type.contains(';'));
    }
    if let Ok(Value::Object(event)) = serde_json::from_slice(data) {
        let text = event.get("body").and_then(Value::as_str).unwrap_or_default();
        match event.get("isBase64Encoded") {
            Some(Value::Bool(true)) => assert_eq!(bytes, decoded(text)),
            Some(_) | None => assert_eq!(body, text.as_bytes()),
        }
    }
    for token in [request.query(TOKEN[0]), request.cookie(TOKEN[1])].into_iter().flatten() {
        let Ok(expiry) = signed_link::verify(SECRET, token, NOW) else { continue };
        assert!(expiry > NOW);
        assert_eq!(signed_link::sign(SECRET, expiry).expect("the secret is long"), token);
    }
    take(&request);
}

/// How many bytes a text in Base64 stands for.
fn decoded(text: &str) -> usize {
    text.len() / 4 * 3 - text.bytes().filter(|byte| *byte == b'=').count()
}

/// The body of a request to `collect`; the first byte says what is said of it.
pub fn collect(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let (media_type, encoding) = ANNOUNCED[usize::from(*choice) % ANNOUNCED.len()];
    let headers = [("content-type", media_type), ("content-encoding", encoding)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    take(&Request { headers: headers.into(), body: body.to_vec(), ..Request::default() });
}

/// Takes the clicks of a request, or refuses it. What is accepted is what was sent, and is read again
/// from the records that it becomes.
fn take(request: &Request) {
    let limits = &SETTINGS.collect;
    let plain = match body::plain(request, limits.max_bytes) {
        Ok(plain) => plain,
        Err(response) => return assert!([400, 413, 415].contains(&response.status)),
    };
    assert!(plain.len() <= limits.max_bytes);
    let mut buffer = Vec::new();
    let events = match body::events(&plain, &mut buffer, limits.max_events) {
        Ok(events) => events,
        Err(response) => return assert!([400, 413].contains(&response.status)),
    };
    assert!((1..=limits.max_events).contains(&events.len()));
    let now: DateTime<Utc> = DateTime::from_timestamp(NOW, 0).expect("a moment of the calendar");
    let Intake { lines, refused } = Intake::of(&READER, &events, now);
    let refused: BTreeSet<usize> = refused.iter().map(|refused| refused.event).collect();
    let accepted = (1..).zip(&events).filter(|(number, _)| !refused.contains(number));
    let accepted: Vec<&[u8]> = accepted.map(|(_, event)| *event).collect();
    assert_eq!(accepted.len(), lines.len(), "each event is accepted or refused");
    for (event, line) in accepted.iter().zip(&lines) {
        let click = READER.read(&line.text).expect("what is accepted is read");
        assert_eq!(click.session_id, line.session_id);
        match READER.read(event) {
            Ok(sent) => assert_eq!(click, sent),
            Err(_) => assert_eq!(click.timestamp, NOW * 1_000_000, "what it lacked was its time"),
        }
    }
    let mut sent: Vec<Vec<u8>> = lines.iter().map(|line| line.text.clone()).collect();
    let mut read = Vec::new();
    for put in records(lines) {
        assert!(!put.partition_key.is_empty());
        let mut unpacked = Vec::new();
        let again = record::events(&put.data, &mut unpacked).expect("a record is taken apart");
        read.extend(again.map(<[u8]>::to_vec));
        clicks::record(&put.data);
    }
    sent.sort();
    read.sort();
    assert_eq!(read, sent);
}
