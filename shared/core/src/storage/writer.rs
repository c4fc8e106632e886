//! Streaming writes, verified by S3 with SHA-256.

use std::collections::HashMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::contract::StoredObject;
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Writes an object of unknown length with bounded memory.
///
/// Up to one part is buffered and sent as a single `PutObject`; beyond that parts go out as they
/// fill, a few at a time. Nothing is visible before [`ObjectWriter::finish`]; dropping the writer
/// leaves nothing behind but an unfinished upload, which a lifecycle rule removes.
#[derive(Debug)]
pub struct ObjectWriter {
    client: Client,
    bucket: String,
    key: String,
    content_type: String,
    metadata: HashMap<String, String>,
    part_size: usize,
    concurrent_parts: usize,
    buffer: BytesMut,
    hasher: Sha256,
    bytes: u64,
    upload: Option<Multipart>,
}

#[derive(Debug)]
struct Multipart {
    id: String,
    started: i32,
    sending: JoinSet<Result<CompletedPart>>,
    done: Vec<CompletedPart>,
}

impl ObjectWriter {
    pub(super) fn new(
        client: Client,
        bucket: &str,
        key: &str,
        content_type: &str,
        part_size: usize,
        concurrent_parts: usize,
    ) -> Self {
        ObjectWriter {
            client,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            content_type: content_type.to_owned(),
            metadata: HashMap::new(),
            part_size,
            concurrent_parts,
            buffer: BytesMut::new(),
            hasher: Sha256::new(),
            bytes: 0,
            upload: None,
        }
    }

    /// Adds user metadata (`x-amz-meta-<name>`); only before the first write.
    #[must_use]
    pub fn metadata(mut self, name: &str, value: &str) -> Self {
        self.metadata.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of what was written so far, lower-case hexadecimal: known before the object is made
    /// visible.
    pub fn sha256(&self) -> String {
        hex::encode(self.hasher.clone().finalize())
    }

    /// Appends content; waits while too many parts are under way.
    ///
    /// # Errors
    /// `Transient.Storage` when a part could not be sent; the upload is then aborted.
    pub async fn write(&mut self, mut content: &[u8]) -> Result<()> {
        self.hasher.update(content);
        self.bytes += content.len() as u64;
        while !content.is_empty() {
            let room = self.part_size - self.buffer.len();
            let (now, later) = content.split_at(room.min(content.len()));
            self.buffer.extend_from_slice(now);
            content = later;
            if self.buffer.len() == self.part_size {
                let outcome = self.send_part().await;
                if let Err(error) = outcome {
                    self.abort().await;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Makes the object visible.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses the request.
    pub async fn finish(mut self) -> Result<StoredObject> {
        if self.upload.is_none() {
            let content = std::mem::take(&mut self.buffer).freeze();
            let metadata = std::mem::take(&mut self.metadata);
            return put(
                &self.client,
                &self.bucket,
                &self.key,
                &self.content_type,
                content,
                metadata,
            )
            .await;
        }
        match self.complete().await {
            Ok(version_id) => Ok(StoredObject {
                bucket: self.bucket,
                key: self.key,
                version_id,
                bytes: self.bytes,
                sha256: hex::encode(self.hasher.finalize()),
            }),
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    async fn send_part(&mut self) -> Result<()> {
        if self.upload.is_none() {
            self.upload = Some(self.start().await?);
        }
        let content = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(self.part_size));
        let concurrent_parts = self.concurrent_parts;
        let Some(upload) = &mut self.upload else {
            return Err(Error::internal("multipart upload has no id"));
        };
        while upload.sending.len() >= concurrent_parts {
            upload.collect_one().await?;
        }
        upload.started += 1;
        upload.sending.spawn(upload_part(
            self.client.clone(),
            self.bucket.clone(),
            self.key.clone(),
            upload.id.clone(),
            upload.started,
            content.freeze(),
        ));
        Ok(())
    }

    async fn start(&self) -> Result<Multipart> {
        let output = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .content_type(&self.content_type)
            .set_metadata(Some(self.metadata.clone()).filter(|metadata| !metadata.is_empty()))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .send()
            .await
            .map_err(|error| self.failed("create multipart upload", error))?;
        let id = output.upload_id().unwrap_or("").to_owned();
        Ok(Multipart { id, started: 0, sending: JoinSet::new(), done: Vec::new() })
    }

    async fn complete(&mut self) -> Result<Option<String>> {
        if !self.buffer.is_empty() {
            self.send_part().await?;
        }
        let Some(upload) = &mut self.upload else {
            return Err(Error::internal("multipart upload has no id"));
        };
        while !upload.sending.is_empty() {
            upload.collect_one().await?;
        }
        upload.done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(std::mem::take(&mut upload.done)))
            .build();
        let id = upload.id.clone();
        let output = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(id)
            .multipart_upload(parts)
            .send()
            .await
            .map_err(|error| self.failed("complete multipart upload", error))?;
        Ok(output.version_id().map(str::to_owned))
    }

    async fn abort(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        upload.sending.shutdown().await;
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .send()
            .await;
        if let Err(error) = aborted {
            let error = error.into_service_error();
            tracing::warn!(key = %self.key, error = ?error, "abort multipart upload failed");
        }
    }

    fn failed<E>(&self, action: &str, error: aws_sdk_s3::error::SdkError<E>) -> Error
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata
            + std::error::Error
            + Send
            + Sync
            + 'static,
    {
        Error::aws(ErrorKind::TransientStorage, action, error)
            .with("bucket", &self.bucket)
            .with("key", &self.key)
    }
}

impl Multipart {
    async fn collect_one(&mut self) -> Result<()> {
        if let Some(joined) = self.sending.join_next().await {
            let part = joined.or_error(ErrorKind::Internal, "upload task stopped")??;
            self.done.push(part);
        }
        Ok(())
    }
}

async fn upload_part(
    client: Client,
    bucket: String,
    key: String,
    upload_id: String,
    number: i32,
    content: Bytes,
) -> Result<CompletedPart> {
    let checksum = BASE64.encode(Sha256::digest(&content));
    let output = client
        .upload_part()
        .bucket(&bucket)
        .key(&key)
        .upload_id(upload_id)
        .part_number(number)
        .checksum_sha256(&checksum)
        .body(content.into())
        .send()
        .await
        .map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "upload part", error)
                .with("bucket", &bucket)
                .with("key", &key)
                .with("part", number)
        })?;
    Ok(CompletedPart::builder()
        .part_number(number)
        .checksum_sha256(checksum)
        .set_e_tag(output.e_tag().map(str::to_owned))
        .build())
}

pub(super) async fn put(
    client: &Client,
    bucket: &str,
    key: &str,
    content_type: &str,
    content: Bytes,
    metadata: HashMap<String, String>,
) -> Result<StoredObject> {
    let digest = Sha256::digest(&content);
    let bytes = content.len() as u64;
    let output = client
        .put_object()
        .bucket(bucket)
        .key(key)
        .content_type(content_type)
        .set_metadata(Some(metadata).filter(|metadata| !metadata.is_empty()))
        .checksum_sha256(BASE64.encode(digest))
        .body(content.into())
        .send()
        .await
        .map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "put object", error)
                .with("bucket", bucket)
                .with("key", key)
        })?;
    Ok(StoredObject {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version_id: output.version_id().map(str::to_owned),
        bytes,
        sha256: hex::encode(digest),
    })
}
