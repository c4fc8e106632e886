//! Copies that S3 makes by itself: no byte is sent to it.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumAlgorithm, MetadataDirective};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::version::concrete;
use crate::contract::ObjectRef;
use crate::error::{Error, ErrorKind, Result};

/// The most that is left to S3 in one request, 1 GiB: it takes up to 5 GiB, but the answer to a
/// small one comes in seconds, and a lost connection costs no more than these.
pub const COPY_BYTES: u64 = 1 << 30;

/// What stays as it is in the name of a source of a copy.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// See [`Storage::copy`](super::Storage::copy).
pub(super) async fn copy(
    client: &Client,
    source: &ObjectRef,
    (bucket, key): (&str, &str),
    content_type: &str,
    (name, value): (&str, &str),
) -> Result<Option<String>> {
    let copied = client
        .copy_object()
        .bucket(bucket)
        .key(key)
        .copy_source(address(source))
        .content_type(content_type)
        .metadata_directive(MetadataDirective::Replace)
        .metadata(name, value)
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "copy object", error)
                .with("bucket", bucket)
                .with("key", key)
                .with("source", &source.key)
        })?;
    Ok(copied.version_id().map(str::to_owned))
}

/// How requests name the source of a copy.
pub(super) fn address(source: &ObjectRef) -> String {
    let encoded = |text| utf8_percent_encode(text, PLAIN);
    let mut address = format!("{}/{}", source.bucket, encoded(&source.key));
    if let Some(version) = concrete(source.version_id.as_deref()) {
        address.push_str(&format!("?versionId={}", encoded(&version)));
    }
    address
}
