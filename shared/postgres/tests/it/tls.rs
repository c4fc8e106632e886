//! Encryption and verification.

use shopflow_core::settings::{Database as Settings, DatabaseAuth, Tls};
use shopflow_core::{ErrorKind, Result};
use shopflow_postgres::{Client, Database};
use shopflow_testkit::wait::PATIENCE;

use crate::tls_server::{PASSWORD, TlsServer};

async fn connect(settings: &Settings) -> Result<Client> {
    Database::new(&shopflow_testkit::aws().await, settings).await?.connect().await
}

async fn settings(server: &TlsServer) -> Settings {
    Settings {
        host: Some("localhost".to_owned()),
        instance: None,
        port: server.port,
        name: "postgres".to_owned(),
        user: "postgres".to_owned(),
        auth: DatabaseAuth::Secret,
        secret_arn: Some(crate::secret("postgres", PASSWORD).await),
        tls: Tls::Verify,
        ca_file: Some(server.ca_file()),
        connect_timeout_seconds: PATIENCE.as_secs(),
    }
}

#[tokio::test]
async fn only_a_server_with_the_right_authority_and_name_is_trusted() {
    let Some(server) = TlsServer::start() else { return };
    let right = settings(&server).await;
    let client = connect(&right).await.unwrap();
    let encrypted = client
        .query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])
        .await
        .unwrap();
    assert!(encrypted.get::<_, bool>(0));

    let stranger = Settings { ca_file: Some(server.other_ca_file()), ..right.clone() };
    let error = connect(&stranger).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(error.to_string().contains("database.ca_file"), "{error}");

    let other_name = Settings { host: Some("127.0.0.1".to_owned()), ..right.clone() };
    let error = connect(&other_name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(error.to_string().contains("database.host"), "{error}");

    let plain = Settings { tls: Tls::Disable, host: Some("127.0.0.1".to_owned()), ..right };
    assert!(connect(&plain).await.is_err(), "the server takes plain connections");
}

#[tokio::test]
async fn a_server_without_tls_gets_no_password() {
    let (mut settings, _) = shopflow_testkit::database().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ANY_AUTHORITY).unwrap();
    settings.tls = Tls::Verify;
    settings.ca_file = Some(file.display().to_string());
    let error = connect(&settings).await.unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
}

#[tokio::test]
async fn without_an_authority_the_error_says_where_to_get_one() {
    let (mut settings, _) = shopflow_testkit::database().await;
    settings.tls = Tls::Verify;
    for file in [None, Some("/no/such/file.pem".to_owned())] {
        settings.ca_file = file;
        let error = connect(&settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains("SHOPFLOW__DATABASE__CA_FILE") && text.contains("global-bundle.pem"));
    }
}

/// A self-signed certificate that nothing uses.
const ANY_AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBljCCAT2gAwIBAgIUaJI7WPgvw2kZ2EcidbM1eLwMFWkwCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVdW51c2VkIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyMjIzNTkx
OFoYDzIxMjYxMDI5MjM1OTE4WjAgMR4wHAYDVQQDDBV1bnVzZWQgdGVzdCBhdXRo
b3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT1WsfBR9ynKmS+/5VcPuHi
ilGW+IlKoF11ZowjosOKviTbzH08dlalTlGhIQ3uu3VbDfme/Kjpm7o+bt7Tc4n/
o1MwUTAdBgNVHQ4EFgQUfNaUTZ00CFCrtZNHOOj6zyEbuQowHwYDVR0jBBgwFoAU
fNaUTZ00CFCrtZNHOOj6zyEbuQowDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNHADBEAiAmWYAZarUkkX4q7dOYlb6J3CA/P5S6VdX2Pziv9fmUawIgMoIIeQ8c
yKbEkTL+niy+iHwYUH+hX4c9LZJWgUXJxsc=
-----END CERTIFICATE-----
";
