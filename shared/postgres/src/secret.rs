//! Secrets Manager, for whoever needs a secret.

use aws_config::SdkConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::{Error, ErrorKind, Result};

/// The text of a secret; it goes into no log and no error.
///
/// # Errors
/// `InvalidInput` when there is no such secret, `Transient.Service` when it cannot be read.
pub fn read<'a>(aws: &'a SdkConfig, id: &'a str) -> BoxFuture<'a, Result<String>> {
    // Boxed, so that the client is compiled here and not into each caller.
    get(aws, id).boxed()
}

async fn get(aws: &SdkConfig, id: &str) -> Result<String> {
    let output = aws_sdk_secretsmanager::Client::new(aws)
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .map_err(|error| {
            if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) {
                return Error::invalid("there is no such secret")
                    .with("secret", id)
                    .hint("check the setting that names it, account and region");
            }
            Error::aws(ErrorKind::TransientService, "read secret", error).with("secret", id)
        })?;
    Ok(output.secret_string().unwrap_or_default().to_owned())
}
