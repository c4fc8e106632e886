//! Tables of the lake: files are replaced through the manifests that readers trust.

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::contract::StoredObject;
use shopflow_core::{Error, ErrorKind, Result, Storage};
use shopflow_lake::{FileEntry, Table, parquet};
use tokio_postgres::Client;

use super::columns::{CHANGES, Eraser, Rows};
use super::objects::{self, Version};

/// Attempts against other writers of the same manifest.
const ATTEMPTS: usize = 5;

/// The table that a file of the lake belongs to; bronze files of datasets belong to none.
pub fn table_of(key: &str) -> Option<String> {
    let parts: Vec<&str> = key.split('/').collect();
    match parts.as_slice() {
        ["bronze", "_changes", table, day, _] => Some(format!("bronze/_changes/{table}/{day}")),
        [layer @ ("silver" | "gold"), table, .., _] => Some(format!("{layer}/{table}")),
        _ => None,
    }
}

/// Replaces files of a table by files without the values; what their versions are afterwards is
/// for the caller to remove.
///
/// # Errors
/// `Transient.Storage` when other writers are faster each time; `Internal`.
pub async fn replace(
    storage: &Storage,
    bucket: &str,
    name: &str,
    versions: &[&Version],
    eraser: &Eraser<'_>,
) -> Result<()> {
    let keys: BTreeSet<&str> = versions.iter().map(|version| version.key.as_str()).collect();
    let mut table = Table::open(storage, bucket, name).await?;
    for _ in 0..ATTEMPTS {
        let mut changes: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
        for (partition, files) in &table.manifest().partitions {
            if !files.iter().any(|file| keys.contains(file.key.as_str())) {
                continue;
            }
            let mut replaced = Vec::with_capacity(files.len());
            for file in files {
                let version = versions.iter().find(|version| version.key == file.key);
                replaced.push(match version {
                    Some(_) => rewrite(storage, &table, partition, file, eraser).await?,
                    None => file.clone(),
                });
            }
            changes.insert(partition.clone(), replaced);
        }
        if changes.is_empty() || table.commit(changes).await? {
            return Ok(());
        }
        table = Table::open(storage, bucket, name).await?;
    }
    Err(table.conflict())
}

async fn rewrite(
    storage: &Storage,
    table: &Table,
    partition: &str,
    file: &FileEntry,
    eraser: &Eraser<'_>,
) -> Result<FileEntry> {
    let batches = parquet::read_file(storage, &file.reference(table.bucket())).await?;
    let erased = eraser.erase(Rows::of(&file.key), batches)?;
    let schema = erased.batches[0].schema();
    if Rows::of(&file.key) != Rows::Changes {
        let content = parquet::encode(schema, &erased.batches)?;
        let stored = parquet::store(storage, table, partition, content, file.rows).await?;
        return Ok(stored.with_days(file.days));
    }
    // The change log knows its files by the positions they hold: the name stays.
    let content = parquet::encode_longer(schema, &erased.batches, file.bytes)?;
    let stored =
        storage.write_all(table.bucket(), &file.key, parquet::CONTENT_TYPE, content).await?;
    Ok(entry(file, &stored))
}

fn entry(file: &FileEntry, stored: &StoredObject) -> FileEntry {
    FileEntry {
        key: file.key.clone(),
        bytes: stored.bytes,
        rows: file.rows,
        sha256: stored.sha256.clone(),
        days: file.days,
    }
}

/// Makes manifests and `ops.cdc_files` say what the files of the change log are now, whatever table
/// they are of: a value may stand in rows of any. The entries that said otherwise. Also after a crash
/// between a file, its manifest and its row.
///
/// # Errors
/// `Transient.Storage`, `Transient.Database`.
pub async fn settle_changes(
    storage: &Storage,
    bucket: &str,
    client: &Client,
    rewritten: &BTreeSet<String>,
) -> Result<u64> {
    let mut corrected = 0;
    let versions = objects::versions(storage, bucket, CHANGES).await?;
    let latest = versions.iter().filter(|version| version.is_latest && version.is_parquet());
    let sizes: BTreeMap<&str, &Version> =
        latest.map(|version| (version.key.as_str(), version)).collect();
    let days: BTreeSet<String> = sizes.keys().filter_map(|key| table_of(key)).collect();
    let noted = checksums(client).await?;
    for day in days {
        let mut table = Table::open(storage, bucket, &day).await?;
        let mut changes = BTreeMap::new();
        for (partition, files) in &table.manifest().partitions {
            let mut settled = files.clone();
            for file in &mut settled {
                let Some(version) = sizes.get(file.key.as_str()) else { continue };
                if version.bytes != file.bytes || rewritten.contains(&file.key) {
                    let now = super::references::stored(storage, version).await?;
                    *file = entry(file, &now);
                }
                if noted.get(&file.key).is_some_and(|sha256| *sha256 != file.sha256) {
                    corrected += note(client, file).await?;
                }
            }
            if settled != *files {
                changes.insert(partition.clone(), settled);
            }
        }
        if !changes.is_empty() && !table.commit(changes).await? {
            return Err(table.conflict());
        }
    }
    Ok(corrected)
}

/// The checksums that `ops.cdc_files` has, by key.
async fn checksums(client: &Client) -> Result<BTreeMap<String, String>> {
    let rows = client.query("SELECT key, sha256 FROM ops.cdc_files", &[]).await.map_err(|_| {
        Error::new(ErrorKind::TransientDatabase, "read the files of the change log failed")
    })?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn note(client: &Client, file: &FileEntry) -> Result<u64> {
    let bytes = i64::try_from(file.bytes).unwrap_or(i64::MAX);
    let sql = "UPDATE ops.cdc_files SET bytes = $2, sha256 = $3 WHERE key = $1";
    client.execute(sql, &[&file.key, &bytes, &file.sha256]).await.map_err(|_| {
        Error::new(ErrorKind::TransientDatabase, "note a file of the change log failed")
            .with("key", &file.key)
    })
}
