//! Objects in S3: streaming reads that resume, streaming writes that S3 verifies, small JSON.

mod copy;
mod reader;
mod version;
mod writer;

pub use copy::COPY_BYTES;
pub use reader::ObjectReader;
pub use writer::ObjectWriter;

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contract::{ObjectRef, StoredObject};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::settings::StorageSettings;
use version::concrete;

/// The S3 client with the project's way of reading and writing.
#[derive(Debug, Clone)]
pub struct Storage {
    client: Client,
    part_size: usize,
    concurrent_parts: usize,
    concurrent_objects: usize,
}

/// What `HeadObject` says about one version.
#[derive(Debug, Clone)]
pub struct ObjectInfo {
    /// `"null"` in a bucket without versioning.
    pub version_id: String,
    pub bytes: u64,
    pub etag: String,
    pub modified_at: DateTime<Utc>,
    /// User metadata, without the `x-amz-meta-` prefix.
    pub metadata: HashMap<String, String>,
}

/// What must hold for a write to take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The object must not exist yet.
    Absent,
    /// The object must still have this ETag.
    Etag(String),
}

impl Storage {
    /// A store on the given AWS configuration. Custom endpoints get path-style addresses, since
    /// an emulator has no name per bucket.
    pub fn new(aws: &aws_config::SdkConfig, settings: &StorageSettings) -> Self {
        let custom = aws.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
        let config = aws_sdk_s3::config::Builder::from(aws).force_path_style(custom).build();
        Storage {
            client: Client::from_conf(config),
            part_size: settings.part_size_mib * 1024 * 1024,
            concurrent_parts: settings.concurrent_parts,
            concurrent_objects: settings.concurrent_objects,
        }
    }

    /// The SDK client, for calls that this type does not wrap.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How many objects a function should read or write at the same time.
    pub fn concurrent_objects(&self) -> usize {
        self.concurrent_objects
    }

    /// Metadata of an object; the latest version when `object` names none.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such object.
    pub async fn head(&self, object: &ObjectRef) -> Result<ObjectInfo> {
        let head = self
            .client
            .head_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .set_version_id(concrete(object.version_id.as_deref()))
            .send()
            .await
            .map_err(|error| head_error(object, error))?;
        let modified_at = head
            .last_modified()
            .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
            .ok_or_else(|| {
                Error::internal("S3 returned no modification time").with("key", &object.key)
            })?;
        Ok(ObjectInfo {
            version_id: head.version_id().unwrap_or("null").to_owned(),
            bytes: head.content_length().unwrap_or(0).max(0) as u64,
            etag: head.e_tag().unwrap_or("").to_owned(),
            modified_at,
            metadata: head.metadata().cloned().unwrap_or_default(),
        })
    }

    /// A streaming reader over one version; it resumes where it was when the connection breaks.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such object.
    pub async fn read(&self, object: &ObjectRef) -> Result<ObjectReader> {
        ObjectReader::open(self.client.clone(), object.clone(), None).await
    }

    /// The whole of a small object.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such object.
    pub async fn read_all(&self, object: &ObjectRef) -> Result<Bytes> {
        self.read(object).await?.collect().await
    }

    /// The bytes of an object from `range.start` to before `range.end`, both inside it.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such object; `Transient.Storage` when it has not so many
    /// bytes.
    pub async fn read_range(&self, object: &ObjectRef, range: Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let reader = ObjectReader::open(self.client.clone(), object.clone(), Some(range)).await?;
        reader.collect().await
    }

    /// A small JSON object.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such object or it is not what is expected.
    pub async fn read_json<T: DeserializeOwned>(&self, object: &ObjectRef) -> Result<T> {
        let content = self.read_all(object).await?;
        serde_json::from_slice(&content)
            .or_error(ErrorKind::InvalidInput, "decode JSON object failed")
            .map_err(|error| error.with("bucket", &object.bucket).with("key", &object.key))
    }

    /// A streaming writer: one `PutObject` for small content, a multipart upload beyond one part.
    pub fn write(&self, bucket: &str, key: &str, content_type: &str) -> ObjectWriter {
        ObjectWriter::new(
            self.client.clone(),
            bucket,
            key,
            content_type,
            self.part_size,
            self.concurrent_parts,
        )
    }

    /// Has S3 make an object with the bytes of another one, of at most [`COPY_BYTES`], under its own
    /// type and one entry of user metadata; its version, none in a bucket without versioning.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses the request.
    pub async fn copy(
        &self,
        source: &ObjectRef,
        target: (&str, &str),
        content_type: &str,
        metadata: (&str, &str),
    ) -> Result<Option<String>> {
        copy::copy(&self.client, source, target, content_type, metadata).await
    }

    /// Writes content that is already in memory, verified by S3 against its SHA-256.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses the request.
    pub async fn write_all(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        content: impl Into<Bytes>,
    ) -> Result<StoredObject> {
        let content = content.into();
        if content.len() <= self.part_size {
            return writer::put(&self.client, bucket, key, content_type, content, HashMap::new())
                .await;
        }
        let mut writer = self.write(bucket, key, content_type);
        writer.write(&content).await?;
        writer.finish().await
    }

    /// Writes a value as pretty JSON.
    ///
    /// # Errors
    /// As [`Storage::write_all`].
    pub async fn write_json<T: Serialize>(
        &self,
        bucket: &str,
        key: &str,
        value: &T,
    ) -> Result<StoredObject> {
        let content = serde_json::to_vec_pretty(value)
            .or_error(ErrorKind::Internal, "encode JSON object failed")?;
        self.write_all(bucket, key, "application/json", content).await
    }

    /// Writes small content only if `precondition` holds. `None` means that it did not: somebody
    /// else was faster. The ETag of the new content otherwise.
    ///
    /// # Errors
    /// As [`Storage::write_all`].
    pub async fn write_if(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        content: impl Into<Bytes>,
        precondition: &Precondition,
    ) -> Result<Option<String>> {
        let request = self
            .client
            .put_object()
            .bucket(bucket)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Sha256)
            .body(content.into().into());
        let request = match precondition {
            Precondition::Absent => request.if_none_match("*"),
            Precondition::Etag(etag) => request.if_match(etag),
        };
        match request.send().await {
            Ok(output) => Ok(Some(output.e_tag().unwrap_or("").to_owned())),
            Err(error) => {
                let status = error.raw_response().map(|raw| raw.status().as_u16());
                // 409: a concurrent conditional write is under way; 404: the object is gone.
                if matches!(status, Some(404 | 409 | 412)) {
                    return Ok(None);
                }
                Err(Error::aws(ErrorKind::TransientStorage, "conditional put", error)
                    .with("bucket", bucket)
                    .with("key", key))
            }
        }
    }

    /// Reads a small JSON object with its ETag; `None` when it does not exist.
    ///
    /// # Errors
    /// `InvalidInput` when it is not what is expected.
    pub async fn read_json_if_exists<T: DeserializeOwned>(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Option<(T, String)>> {
        let Some((content, etag)) = self.read_if_exists(bucket, key).await? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&content)
            .or_error(ErrorKind::InvalidInput, "decode JSON object failed")
            .map_err(|error| error.with("bucket", bucket).with("key", key))?;
        Ok(Some((value, etag)))
    }

    /// The whole of a small object with its ETag; `None` when it does not exist.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses the request.
    pub async fn read_if_exists(&self, bucket: &str, key: &str) -> Result<Option<(Bytes, String)>> {
        let output = match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(output) => output,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => {
                return Err(Error::aws(ErrorKind::TransientStorage, "get object", error)
                    .with("bucket", bucket)
                    .with("key", key));
            }
        };
        let etag = output.e_tag().unwrap_or("").to_owned();
        let content = output
            .body
            .collect()
            .await
            .or_error(ErrorKind::TransientStorage, "read object failed")?
            .into_bytes();
        Ok(Some((content, etag)))
    }

    /// Deletes objects (in a versioned bucket: hides them). Absent keys are fine.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses a key.
    pub async fn delete(&self, bucket: &str, keys: &[String]) -> Result<()> {
        use aws_sdk_s3::types::{Delete, ObjectIdentifier};
        for batch in keys.chunks(1000) {
            let objects = batch
                .iter()
                .map(|key| ObjectIdentifier::builder().key(key).build())
                .collect::<std::result::Result<Vec<_>, _>>()
                .or_error(ErrorKind::Internal, "build delete request failed")?;
            let delete = Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build()
                .or_error(ErrorKind::Internal, "build delete request failed")?;
            let output =
                self.client.delete_objects().bucket(bucket).delete(delete).send().await.map_err(
                    |error| {
                        Error::aws(ErrorKind::TransientStorage, "delete objects", error)
                            .with("bucket", bucket)
                    },
                )?;
            if let Some(refused) = output.errors().first() {
                return Err(Error::internal("delete object was refused")
                    .with("bucket", bucket)
                    .with("key", refused.key().unwrap_or(""))
                    .with("code", refused.code().unwrap_or("")));
            }
        }
        Ok(())
    }
}

fn head_error(object: &ObjectRef, error: SdkError<HeadObjectError>) -> Error {
    let missing = error.as_service_error().is_some_and(HeadObjectError::is_not_found)
        || error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 400 | 404));
    let failure = if missing {
        missing_object()
    } else {
        Error::aws(ErrorKind::TransientStorage, "head object", error)
    };
    located(failure, object)
}

fn missing_object() -> Error {
    Error::invalid("object does not exist").hint("check bucket, key and version_id")
}

fn located(error: Error, object: &ObjectRef) -> Error {
    let error = error.with("bucket", &object.bucket).with("key", &object.key);
    match &object.version_id {
        Some(version) => error.with("version_id", version),
        None => error,
    }
}
