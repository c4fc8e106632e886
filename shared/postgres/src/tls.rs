//! TLS to Postgres: rustls, certificate and host name always verified.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use shopflow_core::settings::{Database as Settings, Tls};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where AWS publishes the certificate authorities of RDS.
pub const RDS_AUTHORITIES: &str =
    "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";

fn hint() -> String {
    format!(
        "set SHOPFLOW__DATABASE__CA_FILE to a PEM file with the server's certificate authority; for \
         RDS that is {RDS_AUTHORITIES}, which `cargo shopflow package` puts next to the binary"
    )
}

/// How to encrypt, `None` for plain text.
///
/// # Errors
/// `InvalidInput` when TLS is asked for and no authority is configured, or the file is no PEM.
pub async fn connector(settings: &Settings) -> Result<Option<MakeRustlsConnect>> {
    if settings.tls == Tls::Disable {
        return Ok(None);
    }
    // RDS certificates are signed by AWS's own authorities, which no public root program lists:
    // without a configured authority no verification can succeed.
    let Some(path) = settings.ca_file.as_deref() else {
        return Err(Error::invalid(
            "database.tls is verify, but no certificate authority is configured",
        )
        .hint(hint()));
    };
    let pem = tokio::fs::read(path)
        .await
        .or_error(ErrorKind::InvalidInput, "read certificate authorities failed")
        .map_err(|error| error.with("database.ca_file", path).hint(hint()))?;
    let roots =
        authorities(&pem).map_err(|error| error.with("database.ca_file", path).hint(hint()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .or_error(ErrorKind::Internal, "set up TLS failed")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}

/// The certificate authorities in a PEM file.
///
/// # Errors
/// `InvalidInput` when it is no PEM, or has none that can be used.
pub fn authorities(pem: &[u8]) -> Result<RootCertStore> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| {
            Error::invalid("decode certificate authorities failed").because(error.to_string())
        })?;
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(Error::invalid("the file holds no certificate authority"));
    }
    if ignored > 0 {
        tracing::warn!(added, ignored, "some certificate authorities cannot be used");
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(authorities(b"").is_err());
        assert!(
            authorities(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err()
        );
        assert!(authorities(b"-----BEGIN CERTIFICATE-----\nAAAA\n").is_err());
    }
}
