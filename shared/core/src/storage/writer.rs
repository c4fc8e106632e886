//! Streaming writes, verified by S3 with SHA-256.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::copy::{COPY_BYTES, address};
use super::version::concrete;
use crate::contract::{ObjectRef, StoredObject};
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Writes an object of unknown length with bounded memory.
///
/// Up to one part is buffered and sent as a single `PutObject`; beyond that parts go out as they
/// fill, a few at a time. Nothing is visible before [`ObjectWriter::finish`]; dropping the writer
/// leaves nothing behind but an unfinished upload, which a lifecycle rule removes.
///
/// Content that begins like another object need not be sent: see [`ObjectWriter::like`].
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
    origin: Option<Origin>,
    upload: Option<Multipart>,
}

/// The object that the content begins with, and how many of its bytes S3 is to copy: whole parts.
#[derive(Debug)]
struct Origin {
    object: ObjectRef,
    bytes: u64,
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
            origin: None,
            upload: None,
        }
    }

    /// Adds user metadata (`x-amz-meta-<name>`); only before the first write.
    #[must_use]
    pub fn metadata(mut self, name: &str, value: &str) -> Self {
        self.metadata.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Lets the content begin like `origin`: see [`ObjectWriter::repeat`].
    #[must_use]
    pub fn like(mut self, origin: &ObjectRef) -> Self {
        self.origin = Some(Origin { object: origin.clone(), bytes: 0 });
        self
    }

    /// Appends the next bytes of the origin, which are kept back: should other content follow, S3
    /// copies them. Only before the first [`ObjectWriter::write`].
    pub fn repeat(&mut self, mut content: &[u8]) {
        self.hasher.update(content);
        self.bytes += content.len() as u64;
        while !content.is_empty() {
            content = self.fill(content);
            if self.buffer.len() == self.part_size
                && let Some(origin) = &mut self.origin
            {
                origin.bytes += self.buffer.len() as u64;
                self.buffer.clear();
            }
        }
    }

    /// The origin itself, which is all there is to write: nothing was sent.
    pub fn finish_as_origin(self) -> Option<StoredObject> {
        let ObjectRef { bucket, key, version_id } = self.origin?.object;
        let version_id = concrete(version_id.as_deref());
        let sha256 = hex::encode(self.hasher.finalize());
        Some(StoredObject { bucket, key, version_id, bytes: self.bytes, sha256 })
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
            content = self.fill(content);
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

    /// Takes what the current part has room for; the rest.
    fn fill<'a>(&mut self, content: &'a [u8]) -> &'a [u8] {
        let room = self.part_size - self.buffer.len();
        let (now, later) = content.split_at(room.min(content.len()));
        self.buffer.extend_from_slice(now);
        later
    }

    /// Bytes that S3 is to copy from the origin.
    fn copied_bytes(&self) -> u64 {
        self.origin.as_ref().map_or(0, |origin| origin.bytes)
    }

    /// Makes the object visible.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses the request.
    pub async fn finish(mut self) -> Result<StoredObject> {
        if self.upload.is_none() && self.copied_bytes() == 0 {
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
        let mut upload = Multipart { id, started: 0, sending: JoinSet::new(), done: Vec::new() };
        if let Some(origin) = &self.origin {
            // Whole parts, so that the last of these is no smaller than S3 lets it be.
            let most = (COPY_BYTES as usize / self.part_size).max(1) * self.part_size;
            for from in (0..origin.bytes).step_by(most) {
                let range = from..(from + most as u64).min(origin.bytes);
                let part = self.copy_part(&mut upload, &origin.object, range).await?;
                upload.done.push(part);
            }
        }
        Ok(upload)
    }

    /// Has S3 make a part from a range of the origin.
    async fn copy_part(
        &self,
        upload: &mut Multipart,
        origin: &ObjectRef,
        range: Range<u64>,
    ) -> Result<CompletedPart> {
        upload.started += 1;
        let output = self
            .client
            .upload_part_copy()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .part_number(upload.started)
            .copy_source(address(origin))
            .copy_source_range(format!("bytes={}-{}", range.start, range.end - 1))
            .send()
            .await
            .map_err(|error| self.failed("copy part", error).with("source", &origin.key))?;
        let copied = output.copy_part_result();
        Ok(CompletedPart::builder()
            .part_number(upload.started)
            .set_checksum_sha256(copied.and_then(|part| part.checksum_sha256()).map(str::to_owned))
            .set_e_tag(copied.and_then(|part| part.e_tag()).map(str::to_owned))
            .build())
    }

    async fn complete(&mut self) -> Result<Option<String>> {
        if !self.buffer.is_empty() {
            self.send_part().await?;
        } else if self.upload.is_none() {
            self.upload = Some(self.start().await?);
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
