//! Table manifests and their atomic replacement.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shopflow_core::storage::Precondition;
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage};

use crate::days::{DayRange, month_partition};

/// How often a commit is tried again when another writer (compaction) was faster.
pub const COMMIT_ATTEMPTS: u32 = 5;

/// Files of a table, by partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableManifest {
    /// Prefix of the table, such as `silver/transactions`.
    pub table: String,
    /// Grows by one with each commit.
    pub snapshot: u64,
    /// From the partition's folder (`month=2024-01`, empty for an unpartitioned table) to its files,
    /// sorted by key.
    pub partitions: BTreeMap<String, Vec<FileEntry>>,
}

/// One Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileEntry {
    pub key: String,
    pub bytes: u64,
    pub rows: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// The days whose events it holds; absent where they are not recorded, as in tables without
    /// events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<DayRange>,
}

impl FileEntry {
    /// The reference to the file in `bucket`.
    pub fn reference(&self, bucket: &str) -> ObjectRef {
        ObjectRef { bucket: bucket.to_owned(), key: self.key.clone(), version_id: None }
    }

    /// The same file with its days recorded.
    pub fn with_days(self, days: Option<DayRange>) -> FileEntry {
        FileEntry { days, ..self }
    }

    /// True when it may hold events of one of the days: a file without recorded days always may.
    pub fn may_hold(&self, days: &BTreeSet<NaiveDate>) -> bool {
        self.days.is_none_or(|range| range.meets(days))
    }

    /// The days of several files together, if each records its own.
    pub fn days_of<'a>(files: impl IntoIterator<Item = &'a FileEntry>) -> Option<DayRange> {
        let ranges = files.into_iter().map(|file| file.days);
        ranges.reduce(|all, days| Some(all?.and(days?))).flatten()
    }

    /// The only day whose events it holds, if it is only one.
    pub fn only_day(&self) -> Option<NaiveDate> {
        self.days.filter(|range| range.first == range.last).map(|range| range.first)
    }
}

impl TableManifest {
    /// Rows of the table.
    pub fn rows(&self) -> u64 {
        self.files().map(|file| file.rows).fold(0, u64::saturating_add)
    }

    /// Every file of the table.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.partitions.values().flatten()
    }

    /// The files of a table by month that may hold events of some days, in the order of time.
    pub fn files_of_days(&self, days: &BTreeSet<NaiveDate>) -> Vec<FileEntry> {
        let months: BTreeSet<String> = days.iter().map(|day| month_partition(*day)).collect();
        let files = months.iter().filter_map(|month| self.partitions.get(month)).flatten();
        files.filter(|file| file.may_hold(days)).cloned().collect()
    }
}

/// A table as it was when opened; [`Table::commit`] replaces it if nobody else did.
#[derive(Debug, Clone)]
pub struct Table {
    storage: Storage,
    bucket: String,
    manifest: TableManifest,
    etag: Option<String>,
    /// Bytes of the manifest as it lies in the bucket; 0 when there is none.
    length: usize,
}

impl Table {
    /// Opens `table` (such as `silver/transactions`); one without a manifest is empty.
    ///
    /// # Errors
    /// `Transient.Storage`, or `InvalidInput` when the manifest cannot be decoded.
    pub async fn open(storage: &Storage, bucket: &str, table: &str) -> Result<Table> {
        let key = manifest_key(table);
        let (manifest, etag, length) = match storage.read_if_exists(bucket, &key).await? {
            Some((content, etag)) => {
                let manifest = serde_json::from_slice::<TableManifest>(&content)
                    .or_error(ErrorKind::InvalidInput, "decode table manifest failed")
                    .map_err(|error| error.with("bucket", bucket).with("key", &key))?;
                (manifest, Some(etag), content.len())
            }
            None => {
                let partitions = BTreeMap::new();
                (TableManifest { table: table.to_owned(), snapshot: 0, partitions }, None, 0)
            }
        };
        Ok(Table { storage: storage.clone(), bucket: bucket.to_owned(), manifest, etag, length })
    }

    /// The files of this snapshot.
    pub fn manifest(&self) -> &TableManifest {
        &self.manifest
    }

    /// Bucket of the table.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Key for a new file of `partition`; the name comes from the content, so writing the same
    /// content again writes the same object.
    pub fn file_key(&self, partition: &str, sha256: &str) -> String {
        let name = &sha256[..sha256.len().min(16)];
        if partition.is_empty() {
            format!("{}/part-{name}.parquet", self.manifest.table)
        } else {
            format!("{}/{partition}/part-{name}.parquet", self.manifest.table)
        }
    }

    /// Replaces the files of the given partitions (an empty list removes the partition), then
    /// deletes the files that no longer belong to the table. `Ok(false)`: another writer was
    /// faster; nothing has changed, open the table again.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when S3 refuses the request.
    pub async fn commit(&mut self, changes: BTreeMap<String, Vec<FileEntry>>) -> Result<bool> {
        let mut next = self.manifest.clone();
        next.snapshot += 1;
        for (partition, mut files) in changes {
            files.sort();
            if files.is_empty() {
                next.partitions.remove(&partition);
            } else {
                next.partitions.insert(partition, files);
            }
        }
        if next.partitions == self.manifest.partitions {
            return Ok(true);
        }
        let content = encoded(&next, self.length)?;
        let length = content.len();
        let precondition = match &self.etag {
            Some(etag) => Precondition::Etag(etag.clone()),
            None => Precondition::Absent,
        };
        let key = manifest_key(&next.table);
        let written = self
            .storage
            .write_if(&self.bucket, &key, "application/json", content, &precondition)
            .await?;
        let etag = match written {
            Some(etag) => etag,
            // The first attempt may have got through and its answer been lost on the way.
            None => {
                match self.storage.read_json_if_exists::<TableManifest>(&self.bucket, &key).await? {
                    Some((found, etag)) if found == next => etag,
                    _ => return Ok(false),
                }
            }
        };
        let kept: BTreeSet<&str> = next.files().map(|file| file.key.as_str()).collect();
        let gone: Vec<String> = self
            .manifest
            .files()
            .map(|file| &file.key)
            .filter(|key| !kept.contains(key.as_str()))
            .cloned()
            .collect();
        let deleted = self.storage.delete(&self.bucket, &gone).await;
        self.manifest = next;
        self.etag = Some(etag);
        self.length = length;
        deleted.map(|()| true)
    }

    /// The error for a writer that lost the race too often.
    pub fn conflict(&self) -> Error {
        Error::new(ErrorKind::TransientStorage, "table was changed by another writer each time")
            .with("table", &self.manifest.table)
    }
}

/// A manifest as it is written over one of `replaced` bytes: longer than that, by spaces if need be,
/// since mirrors that go by size would keep the old one otherwise
/// (docs/decisions/0040-mirrors-by-size.md).
fn encoded(manifest: &TableManifest, replaced: usize) -> Result<Vec<u8>> {
    let mut content = serde_json::to_vec_pretty(manifest)
        .or_error(ErrorKind::Internal, "encode table manifest failed")?;
    if content.len() <= replaced {
        content.resize(replaced + 1, b' ');
    }
    Ok(content)
}

/// `<table>/_manifest.json`; query engines skip names that begin with an underscore.
pub fn manifest_key(table: &str) -> String {
    format!("{table}/_manifest.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: &str, last: &str) -> DayRange {
        DayRange { first: first.parse().unwrap(), last: last.parse().unwrap() }
    }

    fn file(days: Option<DayRange>) -> FileEntry {
        FileEntry { key: "f".to_owned(), bytes: 1, rows: 1, sha256: String::new(), days }
    }

    #[test]
    fn files_together_have_days_only_if_each_has_some() {
        let files = [range("2024-02-05", "2024-02-07"), range("2024-02-01", "2024-02-01")];
        let mut files: Vec<FileEntry> = files.into_iter().map(|days| file(Some(days))).collect();
        assert_eq!(FileEntry::days_of(&files), Some(range("2024-02-01", "2024-02-07")));
        files.push(file(None));
        assert_eq!(FileEntry::days_of(&files), None);
        assert_eq!(FileEntry::days_of(&[]), None);
    }

    #[test]
    fn a_file_without_days_may_hold_any() {
        let days = BTreeSet::from(["1999-01-01".parse().unwrap()]);
        assert!(file(None).may_hold(&days));
        assert!(!file(Some(range("2024-02-01", "2024-02-01"))).may_hold(&days));
    }

    #[test]
    fn an_entry_without_days_reads_and_keeps_its_bytes() {
        let old = r#"{"key":"f","bytes":1,"rows":1,"sha256":""}"#;
        let entry: FileEntry = serde_json::from_str(old).unwrap();
        assert_eq!(entry.days, None);
        assert_eq!(serde_json::to_string(&entry).unwrap(), old);
        let dated = entry.with_days(Some(range("2024-02-05", "2024-02-07")));
        let text = serde_json::to_string(&dated).unwrap();
        assert!(text.ends_with(r#""days":{"first":"2024-02-05","last":"2024-02-07"}}"#), "{text}");
        assert_eq!(serde_json::from_str::<FileEntry>(&text).unwrap(), dated);
    }
}
