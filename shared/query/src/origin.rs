//! Where files of the lake come from.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use shopflow_core::{Error, ObjectRef, Result, Storage};

/// Where files come from.
#[async_trait]
pub trait Origin: Debug + Send + Sync {
    /// Bytes of a file, all of them without a range.
    async fn read(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes>;

    /// Most reads that should be under way at a time.
    fn concurrent_reads(&self) -> usize;

    /// An error about the content of a file, with where it is.
    fn located(&self, error: Error, key: &str) -> Error;
}

/// A bucket of S3.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub storage: Storage,
    pub name: String,
}

impl Bucket {
    /// The bucket as the origin of files.
    pub fn origin(storage: &Storage, name: &str) -> Arc<dyn Origin> {
        Arc::new(Bucket { storage: storage.clone(), name: name.to_owned() })
    }
}

#[async_trait]
impl Origin for Bucket {
    async fn read(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes> {
        let object = ObjectRef { bucket: self.name.clone(), key: key.to_owned(), version_id: None };
        match range {
            Some(range) => self.storage.read_range(&object, range).await,
            None => self.storage.read_all(&object).await,
        }
    }

    fn concurrent_reads(&self) -> usize {
        self.storage.concurrent_objects()
    }

    fn located(&self, error: Error, key: &str) -> Error {
        error.with("bucket", &self.name).with("key", key)
    }
}
