//! Against real servers: the shared test Postgres, the emulator's Secrets Manager and RDS API, and
//! a Postgres with TLS that the test starts itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod facts;
mod login;
mod migrate;
mod money;
mod tls;
mod tls_server;
mod upgrade;

use shopflow_core::settings::Database as Settings;

/// A new secret with this login; its ARN.
async fn secret(username: &str, password: &str) -> String {
    let client = aws_sdk_secretsmanager::Client::new(&shopflow_testkit::aws().await);
    let content = serde_json::json!({"username": username, "password": password}).to_string();
    let name = shopflow_testkit::unique("login");
    let created = client.create_secret().name(name).secret_string(content).send().await.unwrap();
    created.arn().unwrap().to_owned()
}

/// Settings like `settings`, with another login.
fn with_secret(settings: &Settings, arn: String) -> Settings {
    Settings { secret_arn: Some(arn), ..settings.clone() }
}
