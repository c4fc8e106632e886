//! Streaming reads of one object version.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};

use super::version::concrete;
use super::{located, missing_object};
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
    /// Where the next byte to hand out stands in the object.
    offset: u64,
    /// Where to stop, in the object.
    end: u64,
    /// It is not the whole object that is read.
    is_part: bool,
    /// Bytes at the start of the body that are not asked for.
    skip: u64,
    resumes: u32,
    body: ByteStream,
}

impl ObjectReader {
    pub(super) async fn open(
        client: Client,
        object: ObjectRef,
        range: Option<Range<u64>>,
    ) -> Result<Self> {
        let output = client
            .get_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .set_version_id(concrete(object.version_id.as_deref()))
            .set_range(
                range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1)),
            )
            .send()
            .await
            .map_err(|error| get_error(&object, error))?;
        let is_part = range.is_some();
        let length = output.content_length().unwrap_or(0).max(0) as u64;
        let range = range.unwrap_or(0..length);
        Ok(ObjectReader {
            client,
            object,
            etag: output.e_tag().map(str::to_owned),
            bytes: range.end - range.start,
            offset: range.start,
            end: range.end,
            is_part,
            skip: skipped(output.content_range(), range.start),
            resumes: 0,
            body: output.body,
        })
    }

    /// Bytes of the object, or of the part of it that is read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next chunk, `None` at the end.
    ///
    /// # Errors
    /// `Transient.Storage` when the body broke off too often.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.is_part && self.offset >= self.end {
                return Ok(None);
            }
            let cause = match self.body.try_next().await {
                Ok(Some(mut chunk)) => {
                    let known = self.skip.min(chunk.len() as u64);
                    self.skip -= known;
                    chunk.advance(known as usize);
                    if self.is_part {
                        let left = self.end - self.offset;
                        chunk.truncate(left.min(chunk.len() as u64) as usize);
                    }
                    if chunk.is_empty() {
                        continue;
                    }
                    self.offset += chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.offset >= self.end => return Ok(None),
                Ok(None) => "body ended early".to_owned(),
                Err(error) => error.to_string(),
            };
            self.resume(cause).await?;
        }
    }

    /// All that is left.
    ///
    /// # Errors
    /// As [`ObjectReader::next`].
    pub(super) async fn collect(mut self) -> Result<Bytes> {
        let mut content = Vec::with_capacity(self.bytes as usize);
        while let Some(chunk) = self.next().await? {
            content.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(content))
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
            .range(match self.is_part {
                true => format!("bytes={}-{}", self.offset, self.end - 1),
                false => format!("bytes={}-", self.offset),
            })
            .send()
            .await
            .map_err(|error| get_error(&self.object, error))?;
        self.skip = skipped(output.content_range(), self.offset);
        self.body = output.body;
        Ok(())
    }
}

/// Bytes before `offset` in a body that was to start there: a server may answer with the whole
/// object instead of the range.
fn skipped(content_range: Option<&str>, offset: u64) -> u64 {
    let is_honoured =
        content_range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")));
    if is_honoured { 0 } else { offset }
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
