//! How far the change log has come: `ops.cdc_checkpoints`, and the files that belong to it.
//!
//! The transaction in [`commit`] is the one moment at which changes become part of the log. What
//! comes before it (objects in S3) counts for nothing without it, and what comes after it
//! (manifests, the slot) is completed by the next call.

use chrono::{DateTime, NaiveDate, Utc};
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::PgLsn;

use crate::files::Written;
use crate::horizon::Snapshot;

/// The state of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub source: String,
    /// Grows by one with each batch.
    pub version: i64,
    /// Tables whose whole state is in the log, sorted.
    pub tables: Vec<String>,
    pub position: Option<u64>,
    pub snapshot: Option<Snapshot>,
    pub snapshot_lsn: Option<u64>,
    pub watermark: Option<(DateTime<Utc>, i64)>,
    pub scan_from: Option<DateTime<Utc>>,
    pub claim: Option<Claim>,
    pub last_commit_at: Option<DateTime<Utc>>,
}

/// A batch that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Beginning of its objects' names, if they are not named after positions.
    pub batch: String,
    pub on: NaiveDate,
    pub until: Option<u64>,
    pub changes: Option<i32>,
}

/// The claim of a batch of changes, whose objects are named after positions.
pub const CHANGES: &str = "changes";

/// The account of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub kind: &'static str,
    pub reason: Option<String>,
    pub from: Option<u64>,
    pub to: Option<u64>,
    pub transactions: u64,
    pub read: u64,
    pub written: u64,
    pub unchanged: u64,
    pub ignored: u64,
}

impl Account {
    /// Changes read = written + unchanged + ignored.
    ///
    /// # Errors
    /// `Internal` when a change is not accounted for exactly once.
    pub fn check(&self) -> Result<()> {
        if self.read == self.written + self.unchanged + self.ignored {
            return Ok(());
        }
        Err(Error::internal("changes read are not the changes written")
            .with("read", self.read)
            .with("written", self.written)
            .with("unchanged", self.unchanged)
            .with("ignored", self.ignored))
    }
}

/// Reads the checkpoint, or opens one at version 0.
///
/// # Errors
/// `Transient.Database` when the connection is lost.
pub async fn open(client: &Client, source: &str) -> Result<Checkpoint> {
    let insert = "INSERT INTO ops.cdc_checkpoints (source, tables) VALUES ($1, '{}') \
                  ON CONFLICT (source) DO NOTHING";
    let select = "SELECT version, tables, position, snapshot, snapshot_lsn, watermark_at, \
                      watermark_id, scan_from, claimed_batch, claimed_on, claimed_until, \
                      claimed_changes, last_commit_at \
                  FROM ops.cdc_checkpoints WHERE source = $1";
    let mut found = client.query_opt(select, &[&source]).await.or_db("read checkpoint")?;
    if found.is_none() {
        client.execute(insert, &[&source]).await.or_db("open checkpoint")?;
        found = client.query_opt(select, &[&source]).await.or_db("read checkpoint")?;
    }
    let row = found.ok_or_else(|| Error::internal("checkpoint is gone").with("source", source))?;
    let lsn = |index: usize| row.get::<_, Option<PgLsn>>(index).map(u64::from);
    let snapshot: Option<&str> = row.get(3);
    let watermark_at: Option<DateTime<Utc>> = row.get(5);
    let batch: Option<String> = row.get(8);
    let on: Option<NaiveDate> = row.get(9);
    Ok(Checkpoint {
        source: source.to_owned(),
        version: row.get(0),
        tables: row.get(1),
        position: lsn(2),
        snapshot: snapshot.map(str::parse).transpose()?,
        snapshot_lsn: lsn(4),
        watermark: watermark_at.zip(row.get(6)),
        scan_from: row.get(7),
        claim: batch.zip(on).map(|(batch, on)| Claim {
            batch,
            on,
            until: lsn(10),
            changes: row.get(11),
        }),
        last_commit_at: row.get(12),
    })
}

/// Notes the batch that is about to be written.
///
/// # Errors
/// `Transient.Database` when another call committed a batch meanwhile.
pub async fn claim(client: &Client, checkpoint: &mut Checkpoint, claim: Claim) -> Result<()> {
    let sql = "UPDATE ops.cdc_checkpoints SET claimed_batch = $3, claimed_on = $4, \
                   claimed_until = $5, claimed_changes = $6, updated_at = clock_timestamp() \
               WHERE source = $1 AND version = $2";
    let until = claim.until.map(PgLsn::from);
    let updated = client
        .execute(
            sql,
            &[
                &checkpoint.source,
                &checkpoint.version,
                &claim.batch,
                &claim.on,
                &until,
                &claim.changes,
            ],
        )
        .await
        .or_db("claim a batch")?;
    if updated != 1 {
        return Err(overtaken(checkpoint));
    }
    checkpoint.claim = Some(claim);
    Ok(())
}

/// Makes a batch part of the log: the checkpoint moves from the version of `from` to the state of
/// `next`, with the account of the batch and its files, or not at all.
///
/// # Errors
/// `Transient.Database` when another call was faster, `Internal` when the account does not balance.
pub async fn commit(
    client: &mut Client,
    from: &Checkpoint,
    mut next: Checkpoint,
    account: &Account,
    day: NaiveDate,
    files: &[Written],
) -> Result<Checkpoint> {
    account.check()?;
    next.version = from.version + 1;
    next.claim = None;
    let transaction = client.transaction().await.or_db("begin checkpoint")?;
    let (at, id) = next.watermark.unzip();
    let snapshot = next.snapshot.as_ref().map(Snapshot::to_string);
    let lsn = |position: Option<u64>| position.map(PgLsn::from);
    let updated = transaction
        .execute(
            "UPDATE ops.cdc_checkpoints SET version = $3, tables = $4, position = $5, \
                 snapshot = $6, snapshot_lsn = $7, watermark_at = $8, watermark_id = $9, \
                 scan_from = $10, last_commit_at = $11, claimed_batch = NULL, claimed_on = NULL, \
                 claimed_until = NULL, claimed_changes = NULL, updated_at = clock_timestamp() \
             WHERE source = $1 AND version = $2",
            &[
                &from.source,
                &from.version,
                &next.version,
                &next.tables,
                &lsn(next.position),
                &snapshot,
                &lsn(next.snapshot_lsn),
                &at,
                &id,
                &next.scan_from,
                &next.last_commit_at,
            ],
        )
        .await
        .or_db("move checkpoint")?;
    if updated != 1 {
        return Err(overtaken(from));
    }
    let count = |value: u64| value.cast_signed();
    // A quiet shop does not need a row with each call.
    if account.read > 0 || account.reason.is_some() {
        transaction
            .execute(
                "INSERT INTO ops.cdc_batches (source, version, kind, reason, from_lsn, to_lsn, \
                     transactions, changes_read, changes_written, changes_unchanged, changes_ignored) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                &[
                    &from.source,
                    &next.version,
                    &account.kind,
                    &account.reason,
                    &lsn(account.from),
                    &lsn(account.to),
                    &count(account.transactions),
                    &count(account.read),
                    &count(account.written),
                    &count(account.unchanged),
                    &count(account.ignored),
                ],
            )
            .await
            .or_db("record batch")?;
    }
    for file in files {
        transaction
            .execute(
                "INSERT INTO ops.cdc_files (key, source, version, table_name, ingest_date, \
                     first_lsn, last_lsn, changes, bytes, sha256) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                &[
                    &file.key,
                    &from.source,
                    &next.version,
                    &file.table,
                    &day,
                    &lsn(file.first_lsn),
                    &lsn(file.last_lsn),
                    &count(file.changes),
                    &count(file.bytes),
                    &file.sha256,
                ],
            )
            .await
            .or_db("record file")?;
    }
    transaction.commit().await.or_db("commit checkpoint")?;
    Ok(next)
}

fn overtaken(checkpoint: &Checkpoint) -> Error {
    Error::new(ErrorKind::TransientDatabase, "another call moved the checkpoint")
        .with("source", &checkpoint.source)
        .with("version", checkpoint.version)
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn a_batch_that_lost_a_change_is_refused() {
        let account =
            Account { read: 5, written: 3, unchanged: 1, ignored: 1, ..Account::default() };
        account.check().unwrap();
        let error = Account { written: 2, ..account }.check().unwrap_err().to_string();
        assert!(error.contains("read=5") && error.contains("written=2"), "{error}");
    }
}
