//! Which configuration a run follows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{World, finish, start};
use shopflow_core::ErrorKind;
use shopflow_core::contract::{RecordEvent, RunStatus};
use shopflow_core::overlay::Overlay;

impl World {
    /// A file over the built-in ones.
    async fn lay_over(&mut self, name: &str, text: &str) {
        let bucket = self.context.lineage.buckets.landing.clone();
        let key = format!("shop/{name}");
        let content = text.to_owned();
        self.context.storage.write_all(&bucket, &key, "text/yaml", content).await.unwrap();
        self.context.config_uri = Some(format!("s3://{bucket}/shop/"));
    }

    async fn noted(&self) -> Vec<Option<String>> {
        let rows = self.sql.query("SELECT config_version FROM ops.runs", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test]
async fn the_version_is_noted_kept_and_told_at_both_ends_of_the_run() {
    let mut world = World::new().await;
    world.lay_over("config/local.yaml", "validation: {max_reject_rate: 0.1}").await;
    let version = world.record(start()).await.unwrap().config_version.unwrap();
    assert_eq!(world.noted().await, [Some(version.clone())]);

    let reports = world.context.lineage.buckets.reports.clone();
    let key = shopflow_core::keys::config(&version);
    let kept = world.context.storage.read_json_if_exists::<Overlay>(&reports, &key).await.unwrap();
    let (kept, _) = kept.unwrap();
    assert_eq!(kept.text("config/local.yaml"), Some("validation: {max_reject_rate: 0.1}"));

    // What lies there in the meantime is no matter of this run.
    world.lay_over("config/local.yaml", "validation: {max_reject_rate: 0.2}").await;
    let event = RecordEvent::Finish(Box::new(finish(RunStatus::Succeeded)));
    let finished = world.record(event).await.unwrap();
    assert_eq!(finished.config_version.as_deref(), Some(version.as_str()));
    let summary = world.context.storage.read_json(&finished.summary.unwrap()).await;
    let summary: serde_json::Value = summary.unwrap();
    assert_eq!(summary["config_version"], serde_json::json!(version));
}

#[tokio::test]
async fn a_run_does_not_start_with_files_that_are_wrong() {
    let mut world = World::new().await;
    world.lay_over("config/base.yaml", "colour: red").await;
    world.lay_over("config/prod.yaml", "compact: [").await;
    let error = world.record(start()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    for part in ["colour, which is no setting", "config/prod.yaml cannot be read"] {
        assert!(error.to_string().contains(part), "{part} is missing in: {error}");
    }
}

#[tokio::test]
async fn without_files_a_run_follows_the_built_in_ones() {
    let mut world = World::new().await;
    assert_eq!(world.record(start()).await.unwrap().config_version, None);
    let bucket = world.context.lineage.buckets.landing.clone();
    world.context.config_uri = Some(format!("s3://{bucket}/nothing/"));
    assert_eq!(world.record(start()).await.unwrap().config_version, None);
    assert_eq!(world.noted().await, [None::<String>]);
}
