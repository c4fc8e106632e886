//! The certificate authorities of the database: from a file, or those of RDS from AWS.

use std::path::Path;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use shopflow_core::settings::Settings;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_postgres::tls::RDS_AUTHORITIES;

use crate::paths;

/// Longest time for the download of a few hundred kilobytes.
const LIMIT: Duration = Duration::from_secs(120);

/// Reads the authorities from `file`, else downloads those of RDS.
///
/// # Errors
/// `InvalidInput` when the file cannot be read; `Transient.Service` when the download fails, with
/// what to do without a network. What was read is not checked yet.
pub async fn get(file: Option<&Path>) -> Result<Vec<u8>> {
    if let Some(file) = file {
        return std::fs::read(file).map_err(|error| paths::unreadable(file, error));
    }
    let answer = tokio::time::timeout(LIMIT, download(RDS_AUTHORITIES)).await;
    let late = || Error::new(ErrorKind::TransientService, "the download took too long");
    answer.unwrap_or_else(|_| Err(late())).map_err(|error| {
        error.with("url", RDS_AUTHORITIES).hint(
            "download the file where there is a network and name it with --ca-file; for a database \
             that is not on RDS, name the file of its own authorities",
        )
    })
}

/// Checks that a file has certificates in PEM; how many.
///
/// # Errors
/// `InvalidInput` when it has none.
pub fn check(pem: &[u8]) -> Result<usize> {
    let roots = shopflow_postgres::tls::authorities(pem).map_err(|error| {
        error.hint(format!("name a PEM file with --ca-file; that of RDS is {RDS_AUTHORITIES}"))
    })?;
    Ok(roots.len())
}

/// The name under which the functions look for the file in their own folder: that of
/// `database.ca_file`.
///
/// # Errors
/// `Internal` when the configuration names none.
pub fn file_name() -> Result<String> {
    let settings = Settings::from_sources("prod", std::collections::HashMap::new(), &[])?;
    let path = settings.database.ca_file.unwrap_or_default();
    let name = Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Error::internal("database.ca_file of config/base.yaml names no file"))
}

async fn download(url: &str) -> Result<Vec<u8>> {
    let provider = tls::Provider::Rustls(CryptoMode::AwsLc);
    let connector =
        Connector::builder().tls_provider(provider).proxy_config(ProxyConfig::from_env());
    let connector = SharedHttpConnector::new(connector.build());
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url).or_error(ErrorKind::Internal, "this is no address")?;
    let failed = "download certificate authorities failed";
    let answer = connector.call(request).await.or_error(ErrorKind::TransientService, failed)?;
    if !answer.status().is_success() {
        return Err(Error::new(ErrorKind::TransientService, failed)
            .with("status", answer.status().as_u16()));
    }
    let body = ByteStream::new(answer.into_body()).collect().await;
    Ok(body.or_error(ErrorKind::TransientService, failed)?.to_vec())
}
