//! Lambda: calling a function and waiting for its answer, the variables it runs with, and its
//! address on the web.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use percent_encoding::utf8_percent_encode;

use crate::json;
use crate::query::RESERVED;
use crate::refusal::Refusal;
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
        method: "POST",
        path: format!("/2015-03-31/functions/{name}/invocations"),
        content_type: "application/octet-stream",
        headers: Vec::new(),
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

/// `GetFunctionConfiguration`: the environment variables of a function, named as in its ARN.
///
/// # Errors
/// What Lambda refuses, and variables that it cannot decrypt.
pub async fn variables(aws: &SdkConfig, function: &str) -> Outcome<BTreeMap<String, String>> {
    let name = utf8_percent_encode(function, RESERVED);
    let request = Request {
        method: "GET",
        path: format!("/2015-03-31/functions/{name}/configuration"),
        content_type: "application/json",
        headers: Vec::new(),
        body: Vec::new(),
    };
    let answer = SERVICE.call(aws, "GetFunctionConfiguration", request, |response| {
        read_variables(response.body().bytes().unwrap_or_default())
    });
    answer.await
}

fn read_variables(answer: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let answer = json::read(answer)?;
    let environment = answer.get("Environment");
    if let Some(error) = environment.and_then(|environment| environment.get("Error")) {
        let text = |name: &str| error.get(name)?.as_str().map(str::to_owned);
        let message = text("Message").unwrap_or_else(|| "its variables cannot be read".to_owned());
        return Err(Refusal::new(text("ErrorCode"), message));
    }
    let variables = environment.and_then(|environment| environment.get("Variables")?.as_object());
    let text = |(name, value): (&String, &serde_json::Value)| {
        Some((name.clone(), value.as_str()?.to_owned()))
    };
    Ok(variables.into_iter().flatten().filter_map(text).collect())
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::metadata::ProvideErrorMetadata;

    use super::*;

    #[test]
    fn variables_are_read_and_a_function_may_have_none() {
        let answer = br#"{"FunctionName": "f", "Environment": {"Variables": {"A": "1", "B": ""}}}"#;
        let variables = read_variables(answer).unwrap();
        assert_eq!(variables.get("A").map(String::as_str), Some("1"));
        assert_eq!(variables.len(), 2);
        assert!(read_variables(br#"{"FunctionName": "f"}"#).unwrap().is_empty());
    }

    #[test]
    fn variables_that_cannot_be_decrypted_are_not_taken_for_none() {
        let answer = br#"{"Environment": {"Error": {"ErrorCode": "AccessDeniedException",
            "Message": "no kms:Decrypt"}}}"#;
        let refusal = read_variables(answer).unwrap_err();
        let metadata = refusal.meta();
        assert_eq!(metadata.code(), Some("AccessDeniedException"));
        assert_eq!(metadata.message(), Some("no kms:Decrypt"));
    }
}
