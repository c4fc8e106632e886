//! Posting events to an OpenLineage backend, with the HTTP and TLS stack of the AWS SDK.

use std::time::Duration;

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::LineageSettings;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// Path of the lineage API below the address of a backend.
const PATH: &str = "/api/v1/lineage";

/// A backend such as Marquez.
#[derive(Clone)]
pub struct Backend {
    url: String,
    key: Option<String>,
    limit: Duration,
    connector: SharedHttpConnector,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Backend {
    /// The backend of the settings, if there is one; its key is read now.
    ///
    /// # Errors
    /// `InvalidInput` when the key is not where the settings say.
    pub async fn new(
        aws: &aws_config::SdkConfig,
        settings: &LineageSettings,
    ) -> Result<Option<Backend>> {
        let Some(endpoint) = &settings.endpoint else { return Ok(None) };
        let provider = tls::Provider::Rustls(CryptoMode::AwsLc);
        Ok(Some(Backend {
            url: format!("{}{PATH}", endpoint.trim_end_matches('/')),
            key: key(aws, settings).await?,
            limit: Duration::from_secs(settings.timeout_seconds),
            connector: SharedHttpConnector::new(
                Connector::builder().tls_provider(provider).build(),
            ),
        }))
    }

    /// Posts the events in order. The first that fails ends it: what a backend misses lies in the
    /// reports bucket, and a run never waits for long, nor fails.
    pub async fn send(&self, events: &[String], invocation: &Invocation) {
        let mut sent = 0;
        for event in events {
            let answer = tokio::time::timeout(self.limit, self.post(event)).await;
            let late = || Error::new(ErrorKind::TransientService, "backend did not answer in time");
            if let Err(error) = answer.unwrap_or_else(|_| Err(late())) {
                tracing::warn!(error = %error, url = self.url, "lineage events were not taken");
                break;
            }
            sent += 1;
        }
        let unsent = events.len() as u64 - sent;
        invocation.metrics.count("LineageEventsSent", sent, &[]);
        invocation.metrics.count("LineageEventsUnsent", unsent, &[]);
    }

    async fn post(&self, event: &str) -> Result<()> {
        let mut request = HttpRequest::new(SdkBody::from(event));
        request.set_method("POST").or_error(ErrorKind::Internal, "build lineage request failed")?;
        request
            .set_uri(self.url.as_str())
            .or_error(ErrorKind::InvalidInput, "lineage.endpoint is not an address")?;
        let headers = request.headers_mut();
        headers.insert("content-type", "application/json");
        headers.insert("content-length", event.len().to_string());
        if let Some(key) = &self.key {
            headers.insert("authorization", format!("Bearer {key}"));
        }
        let answer = self
            .connector
            .call(request)
            .await
            .or_error(ErrorKind::TransientService, "post lineage event failed")?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::TransientService, "backend refused a lineage event")
            .with("status", status.as_u16()))
    }
}

async fn key(aws: &aws_config::SdkConfig, settings: &LineageSettings) -> Result<Option<String>> {
    if let Some(variable) = &settings.api_key_variable {
        let key = std::env::var(variable).map_err(|_| {
            Error::invalid("the API key of lineage is not set").with("variable", variable)
        })?;
        return Ok(Some(key));
    }
    let Some(secret) = &settings.api_key_secret_arn else { return Ok(None) };
    let found = aws_sdk_secretsmanager::Client::new(aws)
        .get_secret_value()
        .secret_id(secret)
        .send()
        .await
        .map_err(|error| {
            Error::aws(ErrorKind::InvalidInput, "read the API key of lineage", error)
                .with("secret", secret)
        })?;
    let key = found.secret_string().map(|key| key.trim().to_owned());
    let missing = || Error::invalid("the secret of lineage has no text").with("secret", secret);
    key.ok_or_else(missing).map(Some)
}
