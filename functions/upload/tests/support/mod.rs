//! Buckets, validated files and questions about what was written.

#![allow(dead_code)]

use chrono::{DateTime, Utc};
use shopflow_core::contract::{
    CopyEvent, CopyResult, PublishEvent, PublishResult, Run, SourceObject, UploadEvent,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::storage::ObjectInfo;
use shopflow_core::{Dataset, ErrorKind, ObjectRef, Result, Storage};
use shopflow_upload::{Context, UploadResult, handle};

pub struct Lab {
    pub context: Context,
    pub invocation: Invocation,
}

impl Lab {
    pub async fn new() -> Lab {
        let storage = shopflow_testkit::storage().await;
        let landing = shopflow_testkit::bucket(&storage, "landing").await;
        let lake = shopflow_testkit::bucket(&storage, "lake").await;
        let invocation = Invocation::detached(&shopflow_testkit::aws().await, "upload");
        Lab { context: Context { storage, landing, lake }, invocation }
    }

    pub fn storage(&self) -> &Storage {
        &self.context.storage
    }

    pub fn run() -> Run {
        Run { run_id: "run-1".to_owned(), run_date: "2024-01-15".parse().unwrap() }
    }

    /// Puts a validated file in place; the event that copies it.
    pub async fn validated(&self, dataset: Dataset, part: u32, content: Vec<u8>) -> CopyEvent {
        let run = Lab::run();
        let key = shopflow_core::keys::validated(dataset, &run.run_id, &format!("{part:016}"));
        let validated = self
            .storage()
            .write_all(&self.context.landing, &key, "text/csv", content)
            .await
            .unwrap();
        let at: DateTime<Utc> = "2024-01-15T08:00:00Z".parse().unwrap();
        CopyEvent {
            run,
            part,
            dataset,
            source: SourceObject {
                bucket: self.context.landing.clone(),
                key: format!("incoming/{dataset}/file-{part}"),
                version_id: format!("version-{part}"),
                bytes: validated.bytes,
                modified_at: at,
                effective_at: at,
            },
            validated,
        }
    }

    pub async fn copy(&self, event: &CopyEvent) -> Result<CopyResult> {
        match handle(&self.context, UploadEvent::Copy(event.clone()), &self.invocation).await? {
            UploadResult::Copy(result) => Ok(result),
            UploadResult::Publish(_) => panic!("copied, not published"),
        }
    }

    pub async fn publish(&self, event: &PublishEvent) -> Result<PublishResult> {
        match handle(&self.context, UploadEvent::Publish(event.clone()), &self.invocation).await? {
            UploadResult::Publish(result) => Ok(result),
            UploadResult::Copy(_) => panic!("published, not copied"),
        }
    }

    pub async fn find(&self, bucket: &str, key: &str) -> Option<ObjectInfo> {
        let object = ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version_id: None };
        match self.storage().head(&object).await {
            Ok(info) => Some(info),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                None
            }
        }
    }

    /// How many versions of how many objects a bucket holds below a prefix.
    pub async fn versions(&self, bucket: &str, prefix: &str) -> usize {
        let listed = self
            .storage()
            .client()
            .list_object_versions()
            .bucket(bucket)
            .prefix(prefix)
            .send()
            .await
            .unwrap();
        listed.versions().len()
    }
}

/// Transactions with ids from 1, one per second from the start of 2024.
pub fn transactions(rows: usize) -> Vec<u8> {
    use std::io::Write;
    let start: DateTime<Utc> = "2024-01-01T00:00:00Z".parse().unwrap();
    let mut content = b"id,customer_id,product_id,quantity,timestamp,payment_method\n".to_vec();
    for id in 1..=rows {
        let time = start + chrono::Duration::seconds(id as i64 - 1);
        let time = time.format("%Y-%m-%dT%H:%M:%SZ");
        let (customer, product, quantity) = (id % 1000 + 1, id % 500 + 1, id % 5 + 1);
        writeln!(content, "{id},{customer},{product},{quantity},{time},credit_card").unwrap();
    }
    content
}
