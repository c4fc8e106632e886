//! The columns that refused rows came under: quarantine has the rows alone, and the header is in
//! their upload.

use std::collections::BTreeSet;

use chrono::DateTime;
use futures::{StreamExt, TryStreamExt, stream};
use shopflow_core::contract::SourceObject;
use shopflow_core::{Dataset, ErrorKind, ObjectRef, Result, Storage, keys};
use shopflow_ingest::ERASURE_METADATA;

use super::objects;
use super::rows::{self, Headers};
use crate::quarantine::{files, repair};
use crate::target::Target;

/// The columns of every quarantine file of customers.
///
/// # Errors
/// `Transient.Storage`.
pub async fn of_customers(target: &Target) -> Result<Headers> {
    let (landing, reports) = (target.stack.landing()?, target.stack.reports()?);
    let storage = &target.storage();
    let prefix = format!("quarantine/{}/", Dataset::Customers);
    let versions = objects::versions(storage, landing, &prefix).await?;
    let keys: BTreeSet<String> = versions.into_iter().map(|version| version.key).collect();
    stream::iter(keys)
        .map(|key| async move { Ok((columns(storage, reports, &key).await?, key)) })
        .buffer_unordered(storage.concurrent_objects())
        .try_filter_map(|(columns, key)| async { Ok(columns.map(|columns| (key, columns))) })
        .try_collect()
        .await
}

async fn columns(storage: &Storage, reports: &str, key: &str) -> Result<Option<Vec<String>>> {
    let Some(origin) = known(files::origin(storage, reports, key).await)?.flatten() else {
        return Ok(None);
    };
    if !repair::had_header(&origin.reasons) {
        return Ok(None);
    }
    let source = rewritten(storage, &origin.source).await?.unwrap_or(origin.source);
    let header = repair::header(storage, Dataset::Customers, &source, true).await;
    Ok(known(header)?.flatten().and_then(|header| rows::columns(&header)))
}

/// The version that an earlier erasure has put in the place of `source`: the latest one, if it keeps
/// the moment at which that was uploaded.
async fn rewritten(storage: &Storage, source: &SourceObject) -> Result<Option<SourceObject>> {
    let SourceObject { bucket, key, .. } = source.clone();
    let latest = ObjectRef { bucket, key, version_id: None };
    let Some(info) = known(storage.head(&latest).await)? else { return Ok(None) };
    let uploaded_at = info.metadata.get(keys::MODIFIED_METADATA);
    let uploaded_at = uploaded_at.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    // What lists versions may tell the moment more exactly than what describes one.
    let is_same = uploaded_at.is_some_and(|at| at.timestamp() == source.modified_at.timestamp());
    let is_rewritten = is_same && info.metadata.contains_key(ERASURE_METADATA);
    Ok(is_rewritten.then(|| SourceObject { version_id: info.version_id, ..source.clone() }))
}

/// What was read, if it was there and could be understood: where it was not, the columns are unknown,
/// which is no reason to erase nobody.
fn known<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        read => read.map(Some),
    }
}
