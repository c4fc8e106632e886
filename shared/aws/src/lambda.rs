//! Lambda: calling a function and waiting for its answer.

use aws_config::SdkConfig;
use percent_encoding::utf8_percent_encode;

use crate::query::RESERVED;
use crate::service::{Outcome, Request, Service};

const SERVICE: Service = Service { id: "Lambda", name: "lambda" };

/// What a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Set when the function failed; the payload then says how.
    pub function_error: Option<String>,
    pub payload: Vec<u8>,
}

/// `Invoke`: calls a function, named as in its ARN, and waits for its answer.
///
/// # Errors
/// What Lambda refuses. A function that fails answers, with [`Answer::function_error`].
pub async fn invoke(
    aws: &SdkConfig,
    function: &str,
    payload: impl Into<Vec<u8>>,
) -> Outcome<Answer> {
    let name = utf8_percent_encode(function, RESERVED);
    let request = Request {
        path: format!("/2015-03-31/functions/{name}/invocations"),
        content_type: "application/octet-stream",
        body: payload.into(),
    };
    let answer = SERVICE.call(aws, "Invoke", request, |response| {
        Ok(Answer {
            function_error: response.headers().get("x-amz-function-error").map(str::to_owned),
            payload: response.body().bytes().unwrap_or_default().to_vec(),
        })
    });
    answer.await
}
