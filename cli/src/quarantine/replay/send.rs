//! The rows on their way into the landing bucket.

use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use shopflow_core::dataset::Format;
use shopflow_core::storage::ObjectWriter;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, keys};

use super::order::Place;
use crate::quarantine::files::Entry;
use crate::quarantine::repair;
use crate::quarantine::rows::Rows;
use crate::target::Target;

/// What landed.
#[derive(Debug)]
pub struct Sent {
    /// Absent when no row was left to send.
    pub object: Option<ObjectRef>,
    /// Absent for a file, whose rows `validate` counts.
    pub rows: Option<u64>,
    /// Rows that quarantine has only the beginning of.
    pub cut: u64,
}

/// Lands the rows of a quarantine file as they are, or those that broke `rule`.
///
/// # Errors
/// When the buckets cannot be read or written, or the file the rows came in is gone.
pub async fn rows(
    target: &Target,
    entry: &Entry,
    place: &Place,
    run_id: &str,
    rule: Option<&str>,
) -> Result<Sent> {
    if entry.rows_of(rule) == 0 {
        return Ok(Sent { object: None, rows: Some(0), cut: 0 });
    }
    let storage = target.storage();
    let had_header = repair::had_header(&entry.reasons);
    let header = repair::header(&storage, entry.dataset, entry.source_file()?, had_header).await;
    let header = header.map_err(|error| {
        error.hint("the header of the rows is gone with it: export the rows and replay the file")
    })?;
    let key = entry.landing_key(run_id);
    let mut writer = marked(storage.write(&entry.bucket, &key, media_type(entry.dataset)), place)
        .metadata(keys::RUN_METADATA, run_id);
    if let Some(mut header) = header {
        header.push(b'\n');
        writer.write(&header).await?;
    }
    let (mut sent, mut cut) = (0, 0);
    let mut refused = Rows::open(&storage, &entry.object()).await?;
    while let Some(row) = refused.next().await? {
        if rule.is_some_and(|rule| row.rule != rule) {
            continue;
        }
        let Some(mut bytes) = repair::row(&row) else {
            cut += 1;
            continue;
        };
        bytes.push(b'\n');
        writer.write(&bytes).await?;
        sent += 1;
    }
    if sent == 0 {
        return Ok(Sent { object: None, rows: Some(0), cut });
    }
    let object = writer.finish().await?.reference();
    Ok(Sent { object: Some(object), rows: Some(sent), cut })
}

/// Lands a file of repaired rows in the place of a quarantine file's source.
///
/// # Errors
/// `InvalidInput` when the file cannot be read, `Transient.Storage` when it cannot be uploaded.
pub async fn file(
    target: &Target,
    entry: &Entry,
    place: &Place,
    run_id: &str,
    file: &Path,
) -> Result<Sent> {
    let body = ByteStream::from_path(file).await.map_err(|error| {
        Error::invalid("read file failed").with("file", file.display()).because(error)
    })?;
    let key = entry.landing_key(run_id);
    let stored = target
        .storage()
        .client()
        .put_object()
        .bucket(&entry.bucket)
        .key(&key)
        .content_type(media_type(entry.dataset))
        .metadata(keys::RUN_METADATA, run_id)
        .metadata(keys::EFFECTIVE_METADATA, Place::text(place.effective_at))
        .metadata(keys::MODIFIED_METADATA, Place::text(place.modified_at))
        .body(body)
        .send()
        .await
        .map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "upload file", error)
                .with("file", file.display())
        })?;
    let version_id = stored.version_id().map(str::to_owned);
    let object = ObjectRef { bucket: entry.bucket.clone(), key, version_id };
    Ok(Sent { object: Some(object), rows: None, cut: 0 })
}

fn marked(writer: ObjectWriter, place: &Place) -> ObjectWriter {
    writer
        .metadata(keys::EFFECTIVE_METADATA, &Place::text(place.effective_at))
        .metadata(keys::MODIFIED_METADATA, &Place::text(place.modified_at))
}

fn media_type(dataset: Dataset) -> &'static str {
    match dataset.format() {
        Format::Csv => "text/csv",
        Format::JsonLines => "application/x-ndjson",
    }
}
