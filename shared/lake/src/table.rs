//! Table manifests and their atomic replacement.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shopflow_core::storage::Precondition;
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage};

/// How often a commit is tried again when another writer (compaction) was faster.
pub const COMMIT_ATTEMPTS: u32 = 5;

/// Files of a table, by partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableManifest {
    /// Prefix of the table, such as `silver/transactions`.
    pub table: String,
    /// Grows by one with each commit.
    pub snapshot: u64,
    /// From the partition's folder (`event_date=2024-01-15`, empty for an unpartitioned table) to
    /// its files, sorted by key.
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
}

impl FileEntry {
    /// The reference to the file in `bucket`.
    pub fn reference(&self, bucket: &str) -> ObjectRef {
        ObjectRef { bucket: bucket.to_owned(), key: self.key.clone(), version_id: None }
    }
}

impl TableManifest {
    /// Rows of the table.
    pub fn rows(&self) -> u64 {
        self.partitions.values().flatten().map(|file| file.rows).sum()
    }

    /// Every file of the table.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.partitions.values().flatten()
    }
}

/// A table as it was when opened; [`Table::commit`] replaces it if nobody else did.
#[derive(Debug, Clone)]
pub struct Table {
    storage: Storage,
    bucket: String,
    manifest: TableManifest,
    etag: Option<String>,
}

impl Table {
    /// Opens `table` (such as `silver/transactions`); one without a manifest is empty.
    ///
    /// # Errors
    /// `Transient.Storage`, or `InvalidInput` when the manifest cannot be decoded.
    pub async fn open(storage: &Storage, bucket: &str, table: &str) -> Result<Table> {
        let found = storage.read_json_if_exists(bucket, &manifest_key(table)).await?;
        let (manifest, etag) = match found {
            Some((manifest, etag)) => (manifest, Some(etag)),
            None => {
                let partitions = BTreeMap::new();
                (TableManifest { table: table.to_owned(), snapshot: 0, partitions }, None)
            }
        };
        Ok(Table { storage: storage.clone(), bucket: bucket.to_owned(), manifest, etag })
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
        let content = serde_json::to_vec_pretty(&next)
            .or_error(ErrorKind::Internal, "encode table manifest failed")?;
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
        let kept: std::collections::BTreeSet<&str> =
            next.files().map(|file| file.key.as_str()).collect();
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
        deleted.map(|()| true)
    }

    /// The error for a writer that lost the race too often.
    pub fn conflict(&self) -> Error {
        Error::new(ErrorKind::TransientStorage, "table was changed by another writer each time")
            .with("table", &self.manifest.table)
    }
}

/// `<table>/_manifest.json`; query engines skip names that begin with an underscore.
pub fn manifest_key(table: &str) -> String {
    format!("{table}/_manifest.json")
}
