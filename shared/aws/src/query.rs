//! The Query protocol: a form goes out, XML comes back.

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::refusal::Refusal;
use crate::service::{Outcome, Request, Service};

/// All that RFC 3986 does not call unreserved.
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Calls `action` of the given version of a service's interface; `read` takes what it needs from
/// the root of the answer.
///
/// # Errors
/// What the service refuses, and an answer that `read` cannot read.
pub async fn call<T>(
    service: Service,
    aws: &SdkConfig,
    (version, action): (&str, &'static str),
    parameters: &[(&str, &str)],
    read: fn(&mut ScopedDecoder<'_, '_>) -> Result<T, XmlDecodeError>,
) -> Outcome<T>
where
    T: std::fmt::Debug + Send + Sync + 'static,
{
    let mut form = format!("Action={action}&Version={version}");
    for (name, value) in parameters {
        form.push_str(&format!("&{name}={}", utf8_percent_encode(value, RESERVED)));
    }
    let request = Request {
        method: "POST",
        path: "/".to_owned(),
        content_type: "application/x-www-form-urlencoded",
        headers: Vec::new(),
        body: form.into_bytes(),
    };
    service.call(aws, action, request, move |response| decode(response, read)).await
}

fn decode<T>(
    response: &HttpResponse,
    read: fn(&mut ScopedDecoder<'_, '_>) -> Result<T, XmlDecodeError>,
) -> Result<T, Refusal> {
    let unreadable = |error: XmlDecodeError| {
        Refusal::new(None, format!("its answer cannot be understood: {error}"))
    };
    let body = response.body().bytes().unwrap_or_default();
    let mut document = Document::try_from(body).map_err(unreadable)?;
    let mut root = document.root_element().map_err(unreadable)?;
    read(&mut root).map_err(unreadable)
}
