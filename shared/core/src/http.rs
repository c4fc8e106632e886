//! Requests to a function's own URL, and what it answers: Lambda's payload format 2.0.
//!
//! ```
//! use shopflow_core::http::{Request, Response};
//!
//! let event = serde_json::json!({
//!     "version": "2.0",
//!     "rawPath": "/figures",
//!     "rawQueryString": "since=12",
//!     "headers": {"accept": "application/json"},
//!     "requestContext": {"http": {"method": "GET", "sourceIp": "192.0.2.7"}},
//!     "isBase64Encoded": false
//! });
//! let request: Request = serde_json::from_value(event).unwrap();
//! assert_eq!((request.method.as_str(), request.query("since")), ("GET", Some("12")));
//!
//! let response = Response::text(200, "text/plain; charset=utf-8", "ok").header("etag", "\"1\"");
//! assert_eq!(serde_json::to_value(response).unwrap()["statusCode"], 200);
//! ```

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Seconds after which a caller may try again what failed for now.
const RETRY_AFTER: &str = "2";

/// A request as a function gets it through its URL.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Event")]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Begins with `/`, as it came: percent signs are not decoded.
    pub path: String,
    /// Decoded; of a name that comes several times the first value.
    pub query: BTreeMap<String, String>,
    /// By name in small letters.
    pub headers: BTreeMap<String, String>,
    /// By name; of a name that comes several times the first value.
    pub cookies: BTreeMap<String, String>,
    /// As it was sent, perhaps compressed.
    pub body: Vec<u8>,
    /// Address of the caller, or of the proxy before the URL.
    pub source_ip: String,
}

impl Request {
    /// A header, named in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// The media type of the body in small letters, without parameters such as `charset`.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?.split(';').next()?.trim();
        (!value.is_empty()).then(|| value.to_ascii_lowercase())
    }
}

/// Queries, cookies, bodies and addresses may be about persons, and some are keys: none is shown.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What Lambda sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    request_context: RequestContext,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    #[serde(default)]
    source_ip: String,
}

impl TryFrom<Event> for Request {
    type Error = base64::DecodeError;

    fn try_from(event: Event) -> std::result::Result<Request, base64::DecodeError> {
        let body = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded { STANDARD.decode(body)? } else { body.into_bytes() };
        let small = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        let headers: BTreeMap<String, String> = event.headers.into_iter().map(small).collect();
        // AWS takes cookies out of the headers; the emulator leaves them there.
        let in_header = headers.get("cookie").map(String::as_str);
        let cookies = event.cookies.iter().map(String::as_str).chain(in_header);
        let cookies = cookies.flat_map(|line| line.split(';')).filter_map(|cookie| {
            let (name, value) = cookie.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        });
        Ok(Request {
            method: event.request_context.http.method.to_ascii_uppercase(),
            path: event.raw_path,
            query: firsts(query(&event.raw_query_string)),
            cookies: firsts(cookies),
            headers,
            body,
            source_ip: event.request_context.http.source_ip,
        })
    }
}

fn firsts(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut first = BTreeMap::new();
    for (name, value) in pairs {
        first.entry(name).or_insert(value);
    }
    first
}

fn query(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|field| !field.is_empty()).map(|field| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        (unescaped(name), unescaped(value))
    })
}

fn unescaped(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// What a function answers to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in small letters; values of a name that comes several times are joined by commas.
    pub headers: Vec<(String, String)>,
    /// Each as in `Set-Cookie`.
    pub cookies: Vec<String>,
    pub body: Body,
}

/// The body of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Text(String),
    /// Sent on as they are; on the way to Lambda they are a third longer.
    Bytes(Vec<u8>),
}

impl Response {
    /// A response without a body.
    pub fn new(status: u16) -> Response {
        let body = Body::Text(String::new());
        Response { status, headers: Vec::new(), cookies: Vec::new(), body }
    }

    /// A response with a text of this content type.
    pub fn text(status: u16, content_type: &str, text: impl Into<String>) -> Response {
        let response = Response::new(status).header("content-type", content_type);
        Response { body: Body::Text(text.into()), ..response }
    }

    /// A response with bytes of this content type, such as compressed ones.
    pub fn bytes(status: u16, content_type: &str, bytes: impl Into<Vec<u8>>) -> Response {
        let response = Response::new(status).header("content-type", content_type);
        Response { body: Body::Bytes(bytes.into()), ..response }
    }

    /// A response with a value as JSON, which nobody may keep.
    ///
    /// # Errors
    /// `Internal` when the value has no JSON, such as a map whose keys are no texts.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Response> {
        let text = serde_json::to_string(value);
        let text = text.or_error(ErrorKind::Internal, "encode response failed")?;
        Ok(Response::json_text(status, text))
    }

    /// A refusal: `{"error": "<message>"}`.
    pub fn refusal(status: u16, message: &str) -> Response {
        Response::json_text(status, serde_json::json!({"error": message}).to_string())
    }

    /// What a caller is told of an error: what is wrong with the request (400), that it may try
    /// again (503), or nothing but that it failed (500).
    pub fn of_error(error: &Error) -> Response {
        match error.kind() {
            ErrorKind::InvalidInput => Response::refusal(400, &error.to_string()),
            ErrorKind::TransientStorage
            | ErrorKind::TransientDatabase
            | ErrorKind::TransientService => {
                Response::refusal(503, "the service is busy; try again in a moment")
                    .header("retry-after", RETRY_AFTER)
            }
            ErrorKind::QualityGateFailed | ErrorKind::Internal => {
                Response::refusal(500, "the request failed; the log of the function says why")
            }
        }
    }

    fn json_text(status: u16, text: String) -> Response {
        Response::text(status, "application/json", text)
            .header("cache-control", "no-store")
            .header("x-content-type-options", "nosniff")
    }

    /// Adds a header, named in small letters.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a cookie, as in `Set-Cookie`.
    #[must_use]
    pub fn cookie(mut self, cookie: impl Into<String>) -> Response {
        self.cookies.push(cookie.into());
        self
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut headers: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in &self.headers {
            headers
                .entry(name)
                .and_modify(|values| {
                    values.push_str(", ");
                    values.push_str(value);
                })
                .or_insert_with(|| value.clone());
        }
        let mut answer = serializer.serialize_struct("Response", 5)?;
        answer.serialize_field("statusCode", &self.status)?;
        answer.serialize_field("headers", &headers)?;
        answer.serialize_field("cookies", &self.cookies)?;
        match &self.body {
            Body::Text(text) => answer.serialize_field("body", text)?,
            Body::Bytes(bytes) => answer.serialize_field("body", &STANDARD.encode(bytes))?,
        }
        let is_base64 = matches!(self.body, Body::Bytes(_));
        answer.serialize_field("isBase64Encoded", &is_base64)?;
        answer.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/a%20b",
            "rawQueryString": "token=1.a%2Bb&name=two+words&token=2&flag",
            "cookies": ["one=1; two=a=b", "one=3"],
            "headers": {"Content-Type": "Text/Plain; charset=UTF-8", "x-forwarded-for": "192.0.2.7"},
            "requestContext": {
                "accountId": "anonymous",
                "http": {"method": "post", "path": "/a b", "sourceIp": "192.0.2.7"},
            },
            "body": "{}",
            "isBase64Encoded": false,
        })
    }

    fn request(event: Value) -> Request {
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn a_request_is_read_from_what_lambda_sends() {
        let request = request(event());
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a%20b"));
        assert_eq!(request.query("token"), Some("1.a+b"));
        assert_eq!(request.query("name"), Some("two words"));
        assert_eq!((request.query("flag"), request.query("none")), (Some(""), None));
        assert_eq!((request.cookie("one"), request.cookie("two")), (Some("1"), Some("a=b")));
        assert_eq!(request.header("content-type"), Some("Text/Plain; charset=UTF-8"));
        assert_eq!(request.media_type().as_deref(), Some("text/plain"));
        assert_eq!(
            (request.body.as_slice(), request.source_ip.as_str()),
            (&b"{}"[..], "192.0.2.7")
        );
    }

    #[test]
    fn cookies_are_found_where_the_emulator_leaves_them() {
        let mut event = event();
        event["cookies"] = json!([]);
        event["headers"]["cookie"] = json!("shop=1; page=2");
        let request = request(event);
        assert_eq!((request.cookie("shop"), request.cookie("page")), (Some("1"), Some("2")));
    }

    #[test]
    fn a_body_of_bytes_comes_as_base64_and_may_be_missing() {
        let mut event = event();
        event["body"] = json!("H4v/");
        event["isBase64Encoded"] = json!(true);
        assert_eq!(request(event.clone()).body, [0x1F, 0x8B, 0xFF]);
        event["body"] = Value::Null;
        assert!(request(event.clone()).body.is_empty());
        event["body"] = json!("%%");
        assert!(serde_json::from_value::<Request>(event).is_err());
    }

    #[test]
    fn what_is_shown_of_a_request_tells_nothing_of_persons() {
        let shown = format!("{:?}", request(event()));
        assert_eq!(shown, r#"Request { method: "POST", path: "/a%20b", body_bytes: 2, .. }"#);
    }

    #[test]
    fn a_response_is_what_lambda_takes() {
        let response = Response::text(303, "text/html", "<p>")
            .header("vary", "origin")
            .header("vary", "accept")
            .cookie("a=1; Path=/")
            .cookie("b=2");
        let expected = json!({
            "statusCode": 303,
            "headers": {"content-type": "text/html", "vary": "origin, accept"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "<p>",
            "isBase64Encoded": false,
        });
        assert_eq!(serde_json::to_value(response).unwrap(), expected);
        let bytes = Response::bytes(200, "image/png", [0x1F, 0x8B, 0xFF]);
        let bytes = serde_json::to_value(bytes).unwrap();
        assert_eq!((&bytes["body"], &bytes["isBase64Encoded"]), (&json!("H4v/"), &json!(true)));
    }

    #[test]
    fn callers_are_told_what_they_can_change_and_no_more() {
        let of = |kind| Response::of_error(&Error::new(kind, "table stream.slices is full"));
        let told = |response: &Response| match &response.body {
            Body::Text(text) => text.clone(),
            Body::Bytes(_) => String::new(),
        };
        for kind in ErrorKind::ALL {
            let response = of(kind);
            let status = match kind {
                ErrorKind::InvalidInput => 400,
                _ if kind.is_transient() => 503,
                _ => 500,
            };
            assert_eq!(response.status, status, "{kind:?}");
            let is_told = kind == ErrorKind::InvalidInput;
            assert_eq!(told(&response).contains("stream.slices"), is_told, "{kind:?}");
            let again = response.headers.iter().any(|(name, _)| name == "retry-after");
            assert_eq!(again, kind.is_transient(), "{kind:?}");
        }
    }
}
