//! What integration tests share: buckets in the local AWS emulator and databases in a real
//! Postgres, each test its own, so that tests run side by side.
//!
//! `cargo shopflow test` starts both servers and sets the two variables read here.

pub mod athena;
pub mod browser;
pub mod http;
pub mod proxy;
pub mod wait;

use aws_credential_types::Credentials;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use shopflow_core::Storage;
use shopflow_core::settings::{Database, DatabaseAuth, StorageSettings, Tls};

/// Address of the emulator, such as `http://127.0.0.1:4566`.
pub const ENDPOINT: &str = "SHOPFLOW_TEST_ENDPOINT";
/// Superuser URL of the Postgres server, such as `postgres://postgres:secret@127.0.0.1:5432/postgres`.
pub const DATABASE_URL: &str = "SHOPFLOW_TEST_DATABASE_URL";

/// A Python with the packages of `local/requirements.txt`; `python3` unless it is set.
pub const PYTHON: &str = "SHOPFLOW_TEST_PYTHON";

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run the tests with `cargo shopflow test`, which starts the servers"
        )
    })
}

/// Runs a Python script with a Python that has the pinned packages; what it prints.
///
/// # Panics
/// When it fails, with what it says.
pub fn python(script: &std::path::Path, arguments: &[&str]) -> String {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let output = std::process::Command::new(python).arg(script).args(arguments).output();
    let output = output.expect("start python");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// `host:port` of the emulator.
pub fn emulator_address() -> String {
    variable(ENDPOINT).trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// SDK configuration for the emulator.
pub async fn aws() -> aws_config::SdkConfig {
    aws_at(&variable(ENDPOINT)).await
}

/// SDK configuration for an emulator behind another address, such as a [`proxy`].
pub async fn aws_at(endpoint: &str) -> aws_config::SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region("us-east-1")
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .load()
        .await
}

/// Storage on the emulator with the smallest parts S3 allows, so that small tests go multipart.
pub async fn storage() -> Storage {
    storage_at(&variable(ENDPOINT)).await
}

/// [`storage`] behind another address, such as a [`proxy`].
pub async fn storage_at(endpoint: &str) -> Storage {
    let settings =
        StorageSettings { part_size_mib: 5, concurrent_parts: 2, concurrent_objects: 16 };
    Storage::new(&aws_at(endpoint).await, &settings)
}

/// A name no other test uses: `<prefix>-<12 hexadecimal digits>`.
pub fn unique(prefix: &str) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}-{}", &id[..12])
}

/// A new versioned bucket; its name.
pub async fn bucket(storage: &Storage, prefix: &str) -> String {
    let name = unique(prefix);
    storage.client().create_bucket().bucket(&name).send().await.expect("create bucket");
    storage
        .client()
        .put_bucket_versioning()
        .bucket(&name)
        .versioning_configuration(
            VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build(),
        )
        .send()
        .await
        .expect("switch versioning on");
    name
}

/// A new, empty database and how to reach it: the settings name a Secrets Manager secret, as on
/// AWS, and the client is for the test's own questions.
pub async fn database() -> (Database, tokio_postgres::Client) {
    let url = variable(DATABASE_URL);
    let mut config: tokio_postgres::Config = url.parse().expect("postgres url");
    let name = unique("t").replace('-', "_");
    let admin = connect(&config).await;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("create database");
    config.dbname(&name);
    let host = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
        other => panic!("the test database must be on TCP, not {other:?}"),
    };
    let user = config.get_user().unwrap_or("postgres").to_owned();
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
    let secret = serde_json::json!({"username": user, "password": password}).to_string();
    let secret = aws_sdk_secretsmanager::Client::new(&aws().await)
        .create_secret()
        .name(unique("database"))
        .secret_string(secret)
        .send()
        .await
        .expect("create secret");
    let settings = Database {
        host: Some(host),
        instance: None,
        port: config.get_ports().first().copied().unwrap_or(5432),
        name,
        user,
        auth: DatabaseAuth::Secret,
        secret_arn: secret.arn().map(str::to_owned),
        tls: Tls::Disable,
        ca_file: None,
        connect_timeout_seconds: wait::PATIENCE.as_secs(),
    };
    (settings, connect(&config).await)
}

async fn connect(config: &tokio_postgres::Config) -> tokio_postgres::Client {
    let (client, connection) =
        config.connect(tokio_postgres::NoTls).await.expect("connect to postgres");
    tokio::spawn(connection);
    client
}
