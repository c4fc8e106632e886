//! Objects with all their versions: searched, rewritten, removed for good.

use aws_sdk_s3::types::{Delete, ObjectIdentifier, ObjectVersion};
use chrono::{DateTime, SecondsFormat, Utc};
use shopflow_core::contract::StoredObject;
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage, keys};
use shopflow_ingest::ERASURE_METADATA;
use shopflow_lake::parquet;

use super::columns::{Eraser, Rows};
use super::person::{Needles, Values};
use super::rows::Rewriter;
use super::shape::Shape;

/// Written once it holds this many bytes.
const WRITE_BYTES: usize = 1024 * 1024;

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub bucket: String,
    pub key: String,
    pub version_id: String,
    pub is_latest: bool,
    pub bytes: u64,
    pub modified_at: DateTime<Utc>,
}

impl Version {
    /// The reference to exactly this version.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: Some(self.version_id.clone()),
        }
    }

    /// True for Parquet files.
    pub fn is_parquet(&self) -> bool {
        self.key.ends_with(".parquet")
    }
}

/// Every version under a prefix that holds anything, also of objects that were deleted.
///
/// # Errors
/// `Transient.Storage`.
pub async fn versions(storage: &Storage, bucket: &str, prefix: &str) -> Result<Vec<Version>> {
    let mut found = Vec::new();
    let (mut key_marker, mut version_marker) = (None, None);
    loop {
        let page = storage
            .client()
            .list_object_versions()
            .bucket(bucket)
            .prefix(prefix)
            .set_key_marker(key_marker)
            .set_version_id_marker(version_marker)
            .send()
            .await
            .map_err(|error| {
                Error::aws(ErrorKind::TransientStorage, "list object versions", error)
                    .with("bucket", bucket)
            })?;
        found.extend(page.versions().iter().filter_map(|version| of(bucket, version)));
        if !page.is_truncated().unwrap_or(false) {
            return Ok(found);
        }
        key_marker = page.next_key_marker().map(str::to_owned);
        version_marker = page.next_version_id_marker().map(str::to_owned);
    }
}

fn of(bucket: &str, version: &ObjectVersion) -> Option<Version> {
    let modified = version.last_modified();
    let modified = modified.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
    Some(Version {
        bucket: bucket.to_owned(),
        key: version.key()?.to_owned(),
        version_id: version.version_id()?.to_owned(),
        is_latest: version.is_latest().unwrap_or(false),
        bytes: version.size().unwrap_or(0).max(0).cast_unsigned(),
        modified_at: modified.unwrap_or_default(),
    })
}

/// Removes versions for good.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when S3 refuses one.
pub async fn remove(storage: &Storage, versions: &[&Version]) -> Result<()> {
    for batch in versions.chunks(1000) {
        let Some(first) = batch.first() else { continue };
        let objects = batch
            .iter()
            .map(|version| {
                let object = ObjectIdentifier::builder().key(&version.key);
                // The only version of an object in a bucket without versioning.
                let id = Some(version.version_id.clone()).filter(|id| id != "null");
                object.set_version_id(id).build()
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build())
            .or_error(ErrorKind::Internal, "build delete request failed")?;
        let deleted =
            storage.client().delete_objects().bucket(&first.bucket).delete(objects).send().await;
        let deleted = deleted.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "delete object versions", error)
        })?;
        if let Some(refused) = deleted.errors().first() {
            return Err(Error::internal("a version of an object could not be deleted")
                .with("bucket", &first.bucket)
                .with("key", refused.key().unwrap_or_default())
                .with("code", refused.code().unwrap_or_default())
                .hint("the role needs s3:DeleteObjectVersion, and the object must not be locked"));
        }
    }
    Ok(())
}

/// What a look into a version found.
#[derive(Debug, Default)]
pub struct Look {
    /// Rows or lines with values of the customer.
    pub rows: u64,
    /// Values that stood in rows of the customer.
    pub found: Values,
}

/// Searches a version, and rewrites it without the values if `again`.
///
/// # Errors
/// `Transient.Storage`; `InvalidInput` when a Parquet file cannot be read.
pub async fn look(storage: &Storage, version: &Version, eraser: &Eraser<'_>) -> Result<Look> {
    if version.is_parquet() {
        let batches = parquet::read_file(storage, &version.reference()).await?;
        let erased = eraser.erase(Rows::of(&version.key), batches)?;
        return Ok(Look { rows: erased.changed, found: erased.found });
    }
    let mut reader = storage.read(&version.reference()).await?;
    let mut rewriter = rewriter(eraser, version);
    let mut out = Vec::new();
    while let Some(chunk) = reader.next().await? {
        rewriter.feed(&chunk, &mut out);
        out.clear();
    }
    rewriter.finish(&mut out);
    Ok(Look { rows: rewriter.changed, found: rewriter.found })
}

fn rewriter<'a>(eraser: &Eraser<'a>, version: &Version) -> Rewriter<'a> {
    let needles: &'a Needles = eraser.needles;
    let shape = Shape::of(&version.key);
    let rewriter = Rewriter::new(eraser.customer, eraser.natural_keys, needles, shape);
    rewriter.under(eraser.headers.get(&version.key))
}

/// Rewrites the object under its key, without the values. A file that landed keeps its place
/// in the order of sources, and starts no run.
///
/// # Errors
/// As [`look`].
pub async fn rewrite(
    storage: &Storage,
    version: &Version,
    eraser: &Eraser<'_>,
) -> Result<StoredObject> {
    if version.is_parquet() {
        let batches = parquet::read_file(storage, &version.reference()).await?;
        let erased = eraser.erase(Rows::of(&version.key), batches)?;
        let schema = erased.batches[0].schema();
        let content = parquet::encode_longer(schema, &erased.batches, version.bytes)?;
        return storage
            .write_all(&version.bucket, &version.key, parquet::CONTENT_TYPE, content)
            .await;
    }
    let mut reader = storage.read(&version.reference()).await?;
    let head = storage
        .client()
        .head_object()
        .bucket(&version.bucket)
        .key(&version.key)
        .send()
        .await
        .map_err(|error| Error::aws(ErrorKind::TransientStorage, "head object", error))?;
    let content_type = head.content_type().unwrap_or("application/octet-stream");
    let mut writer = storage.write(&version.bucket, &version.key, content_type);
    let mut metadata = head.metadata().cloned().unwrap_or_default();
    if version.key.starts_with("incoming/") {
        let modified = version.modified_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        metadata.entry(keys::MODIFIED_METADATA.to_owned()).or_insert(modified);
        metadata.insert(ERASURE_METADATA.to_owned(), "rewritten".to_owned());
    }
    for (name, value) in &metadata {
        writer = writer.metadata(name, value);
    }
    let mut rewriter = rewriter(eraser, version);
    let mut out = Vec::with_capacity(WRITE_BYTES);
    while let Some(chunk) = reader.next().await? {
        rewriter.feed(&chunk, &mut out);
        if out.len() >= WRITE_BYTES {
            writer.write(&out).await?;
            out.clear();
        }
    }
    rewriter.finish(&mut out);
    writer.write(&out).await?;
    writer.finish().await
}
