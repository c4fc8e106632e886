//! What a service says when it refuses a request.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_xml::decode::{Document, try_data};

use crate::xml;

/// A service's refusal: its code, such as `DBInstanceNotFound`, and its words.
#[derive(Debug)]
pub struct Refusal(ErrorMetadata);

impl Refusal {
    /// A refusal with these words; without a code when the answer itself is what is wrong.
    pub(crate) fn new(code: Option<String>, message: String) -> Refusal {
        let mut metadata = ErrorMetadata::builder().message(message);
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        Refusal(metadata.build())
    }

    /// Reads an answer that is no success: XML of the Query protocol, or JSON with the code in a
    /// header or in `__type`.
    pub(crate) fn read(response: &HttpResponse) -> Refusal {
        let body = response.body().bytes().unwrap_or_default();
        let text = String::from_utf8_lossy(body);
        let status = response.status().as_u16();
        let header = response.headers().get("x-amzn-errortype").map(str::to_owned);
        let (code, message) = match header.or_else(|| json_type(body)) {
            Some(name) => (Some(code_of(&name).to_owned()), json_message(body)),
            None => xml_words(&text),
        };
        let message = message.unwrap_or_else(|| format!("it answered with status {status}"));
        Refusal::new(code, message)
    }
}

/// The code in a name such as `ResourceNotFoundException:http://internal.amazon.com/...` or
/// `com.amazonaws.kinesis.v20131202#ResourceNotFoundException`.
fn code_of(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or(name);
    name.rsplit('#').next().unwrap_or(name)
}

fn json_type(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    answer.get("__type")?.as_str().map(str::to_owned)
}

fn json_message(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let message = answer.get("message").or_else(|| answer.get("Message"))?;
    message.as_str().map(str::to_owned)
}

/// Code and message of `<ErrorResponse><Error>…`.
fn xml_words(text: &str) -> (Option<String>, Option<String>) {
    let (mut code, mut message) = (None, None);
    let mut document = Document::new(text);
    if let Ok(mut root) = document.root_element() {
        // What cannot be read to its end has at least what was found until then.
        let _ = xml::walk(&mut root, &["Error"], &mut |error| {
            while let Some(mut part) = error.next_tag() {
                let place = match part.start_el().local() {
                    "Code" => &mut code,
                    "Message" => &mut message,
                    _ => continue,
                };
                *place = Some(try_data(&mut part)?.into_owned());
            }
            Ok(())
        });
    }
    (code, message)
}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.0.code().unwrap_or("the service refused the request");
        write!(f, "{code}: {}", self.0.message().unwrap_or_default())
    }
}

impl Error for Refusal {}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn response(status: u16, body: &str) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
    }

    #[test]
    fn the_query_protocol_names_code_and_message_in_xml() {
        let body = r#"<?xml version="1.0"?><ErrorResponse xmlns="http://rds.amazonaws.com/doc/">
            <Error><Type>Sender</Type><Code>DBInstanceNotFound</Code>
            <Message>DBInstance a&amp;b not found.</Message></Error>
            <RequestId>1</RequestId></ErrorResponse>"#;
        let refusal = Refusal::read(&response(404, body));
        assert_eq!(refusal.code(), Some("DBInstanceNotFound"));
        assert_eq!(refusal.to_string(), "DBInstanceNotFound: DBInstance a&b not found.");
    }

    #[test]
    fn the_json_protocol_names_the_code_in_a_header() {
        let mut answer = response(404, r#"{"Message": "Function not found", "Type": "User"}"#);
        let code = "ResourceNotFoundException:http://internal.amazon.com/coral/";
        answer.headers_mut().insert("x-amzn-errortype", code);
        let refusal = Refusal::read(&answer);
        assert_eq!(refusal.to_string(), "ResourceNotFoundException: Function not found");
    }

    #[test]
    fn the_json_protocol_may_name_the_code_in_the_body() {
        for name in
            ["LimitExceededException", "com.amazonaws.kinesis.v20131202#LimitExceededException"]
        {
            let body = format!(r#"{{"__type": "{name}", "message": "Too fast"}}"#);
            let refusal = Refusal::read(&response(400, &body));
            assert_eq!(refusal.to_string(), "LimitExceededException: Too fast");
        }
    }

    #[test]
    fn an_answer_of_something_else_is_told_by_its_status() {
        for body in ["", "<html><body>Bad gateway</body></html>", "{}", "<Error"] {
            let text = Refusal::read(&response(502, body)).to_string();
            assert_eq!(text, "the service refused the request: it answered with status 502");
        }
    }
}
