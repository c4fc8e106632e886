//! Committed files into the manifests that readers of the lake trust.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shopflow_core::{Result, Storage, keys};
use shopflow_lake::{FileEntry, Table};
use shopflow_postgres::{Client, PgResultExt};

/// Attempts against other writers of the same manifest (compaction).
const ATTEMPTS: u32 = 5;

/// Lists the committed files of `source` that no manifest lists yet. Safe to repeat: after a crash
/// between the manifest and the note of it, the same files are found listed.
///
/// # Errors
/// `Transient.Storage`, `Transient.Database`.
pub async fn publish(client: &Client, storage: &Storage, bucket: &str, source: &str) -> Result<()> {
    let rows = client
        .query(
            "SELECT table_name, ingest_date, key, bytes, changes, sha256 FROM ops.cdc_files \
             WHERE source = $1 AND published_at IS NULL ORDER BY key",
            &[&source],
        )
        .await
        .or_db("read committed files")?;
    let mut days: BTreeMap<(String, NaiveDate), Vec<FileEntry>> = BTreeMap::new();
    for row in &rows {
        let unsigned = |index: usize| row.get::<_, i64>(index).cast_unsigned();
        let entry = FileEntry {
            key: row.get(2),
            bytes: unsigned(3),
            rows: unsigned(4),
            sha256: row.get(5),
            days: None,
        };
        days.entry((row.get(0), row.get(1))).or_default().push(entry);
    }
    for ((table, day), files) in days {
        list(storage, bucket, &keys::change_log(&table, day), &files).await?;
        let listed: Vec<&str> = files.iter().map(|file| file.key.as_str()).collect();
        client
            .execute(
                "UPDATE ops.cdc_files SET published_at = clock_timestamp() WHERE key = ANY($1)",
                &[&listed],
            )
            .await
            .or_db("note published files")?;
    }
    Ok(())
}

async fn list(storage: &Storage, bucket: &str, day: &str, files: &[FileEntry]) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let mut table = Table::open(storage, bucket, day).await?;
        let mut all: Vec<FileEntry> = table.manifest().files().cloned().collect();
        all.retain(|present| files.iter().all(|file| file.key != present.key));
        all.extend(files.iter().cloned());
        if table.commit(BTreeMap::from([(String::new(), all)])).await? {
            return Ok(());
        }
    }
    Err(Table::open(storage, bucket, day).await?.conflict())
}
