//! Streaming reads of one object version.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};

use super::{concrete, located, missing_object};
use crate::contract::ObjectRef;
use crate::error::{Error, ErrorKind, Result};

/// How often a broken body is taken up again before the read fails.
const MAX_RESUMES: u32 = 5;

/// Reads an object chunk by chunk. When the body breaks off it asks for the rest of the same
/// version, so callers see one unbroken stream.
#[derive(Debug)]
pub struct ObjectReader {
    client: Client,
    object: ObjectRef,
    etag: Option<String>,
    bytes: u64,
    offset: u64,
    /// Bytes at the start of the body that were already handed out.
    skip: u64,
    resumes: u32,
    body: ByteStream,
}

impl ObjectReader {
    pub(super) async fn open(client: Client, object: ObjectRef) -> Result<Self> {
        let output = client
            .get_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .set_version_id(concrete(object.version_id.as_deref()))
            .send()
            .await
            .map_err(|error| get_error(&object, error))?;
        Ok(ObjectReader {
            client,
            object,
            etag: output.e_tag().map(str::to_owned),
            bytes: output.content_length().unwrap_or(0).max(0) as u64,
            offset: 0,
            skip: 0,
            resumes: 0,
            body: output.body,
        })
    }

    /// Length of the object in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next chunk, `None` at the end.
    ///
    /// # Errors
    /// `Transient.Storage` when the body broke off too often.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let cause = match self.body.try_next().await {
                Ok(Some(mut chunk)) => {
                    let known = self.skip.min(chunk.len() as u64);
                    self.skip -= known;
                    chunk.advance(known as usize);
                    if chunk.is_empty() {
                        continue;
                    }
                    self.offset += chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.offset >= self.bytes => return Ok(None),
                Ok(None) => "body ended early".to_owned(),
                Err(error) => error.to_string(),
            };
            self.resume(cause).await?;
        }
    }

    async fn resume(&mut self, cause: String) -> Result<()> {
        self.resumes += 1;
        if self.resumes > MAX_RESUMES {
            let failure = Error::new(ErrorKind::TransientStorage, "read object failed")
                .with("offset", self.offset)
                .because(cause);
            return Err(located(failure, &self.object));
        }
        tracing::warn!(key = %self.object.key, offset = self.offset, cause, "resuming read");
        tokio::time::sleep(Duration::from_millis(100 << self.resumes)).await;
        let output = self
            .client
            .get_object()
            .bucket(&self.object.bucket)
            .key(&self.object.key)
            .set_version_id(concrete(self.object.version_id.as_deref()))
            .set_if_match(self.etag.clone())
            .range(format!("bytes={}-", self.offset))
            .send()
            .await
            .map_err(|error| get_error(&self.object, error))?;
        // A server may answer with the whole object instead of the range.
        let honoured = output
            .content_range()
            .is_some_and(|range| range.starts_with(&format!("bytes {}-", self.offset)));
        self.skip = if honoured { 0 } else { self.offset };
        self.body = output.body;
        Ok(())
    }
}

fn get_error(object: &ObjectRef, error: SdkError<GetObjectError>) -> Error {
    let missing = error.as_service_error().is_some_and(GetObjectError::is_no_such_key)
        || error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 404));
    let failure = if missing {
        missing_object()
    } else {
        Error::aws(ErrorKind::TransientStorage, "get object", error)
    };
    located(failure, object)
}
