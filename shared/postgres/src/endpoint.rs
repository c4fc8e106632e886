//! Where the server listens: configuration, or the RDS API by instance name.

use aws_config::SdkConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use shopflow_aws::rds;
use shopflow_core::settings::Database as Settings;
use shopflow_core::{Error, ErrorKind, Result};

/// Address of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
}

/// Finds the server.
///
/// # Errors
/// `InvalidInput` when neither host nor instance is set or there is no such instance,
/// `Transient.Database` while the instance is being created.
pub async fn resolve(aws: &SdkConfig, settings: &Settings) -> Result<Endpoint> {
    if let Some(host) = settings.host.clone() {
        return Ok(Endpoint { host, port: settings.port });
    }
    let Some(instance) = settings.instance.as_deref() else {
        return Err(Error::invalid("neither database.host nor database.instance is set")
            .hint("set SHOPFLOW__DATABASE__HOST or SHOPFLOW__DATABASE__INSTANCE"));
    };
    let found = rds::endpoint(aws, instance).await.map_err(|error| {
        if error.code() == Some(rds::NOT_FOUND) {
            return Error::invalid("there is no such RDS instance")
                .with("instance", instance)
                .hint("check database.instance, account and region");
        }
        Error::aws(ErrorKind::TransientService, "describe RDS instance", error)
            .with("instance", instance)
    })?;
    let Some(host) = found.host else {
        return Err(Error::new(
            ErrorKind::TransientDatabase,
            "the RDS instance has no endpoint yet",
        )
        .with("instance", instance)
        .hint("wait until it is available"));
    };
    Ok(Endpoint { host, port: found.port.unwrap_or(settings.port) })
}
