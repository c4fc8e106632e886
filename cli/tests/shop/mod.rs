//! A generated shop in a database of a test's own.

#![allow(dead_code)]

use std::path::{Path, PathBuf};

use shopflow::analytics::{self, Question};
use shopflow::sample;
use shopflow_core::contract::GenerateSpec;
use shopflow_testkit::database;
use tokio_postgres::Client;

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn questions() -> Vec<Question> {
    analytics::questions(&repository().join("sql/analytics")).unwrap()
}

/// A migrated, empty database.
pub async fn migrated() -> Client {
    let (_, mut client) = database().await;
    client.batch_execute("SET timezone = 'UTC'").await.unwrap();
    shopflow_postgres::migrate(&mut client).await.unwrap();
    client
}

/// The shop of seed 42 as of 2026-01-15.
pub async fn filled(scale: f64) -> Client {
    let client = migrated().await;
    let spec = GenerateSpec { scale, ..GenerateSpec::default() };
    sample::fill(&client, "2026-01-15".parse().unwrap(), &spec).await.unwrap();
    client
}
