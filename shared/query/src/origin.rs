//! Where files of the lake come from.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::{Error, ObjectRef, Result, Storage};

/// Where files come from.
pub trait Origin: Debug + Send + Sync {
    /// Bytes of a file, all of them without a range.
    fn read<'a>(&'a self, key: &'a str, range: Option<Range<u64>>) -> BoxFuture<'a, Result<Bytes>>;

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

impl Origin for Bucket {
    fn read<'a>(&'a self, key: &'a str, range: Option<Range<u64>>) -> BoxFuture<'a, Result<Bytes>> {
        let object = ObjectRef { bucket: self.name.clone(), key: key.to_owned(), version_id: None };
        async move {
            match range {
                Some(range) => self.storage.read_range(&object, range).await,
                None => self.storage.read_all(&object).await,
            }
        }
        .boxed()
    }

    fn concurrent_reads(&self) -> usize {
        self.storage.concurrent_objects()
    }

    fn located(&self, error: Error, key: &str) -> Error {
        error.with("bucket", &self.name).with("key", key)
    }
}
