//! Capture by `updated_at`, for servers that do not decode their log.
//!
//! A pass reads a table from a little before the last pass on, in one snapshot, and takes the rows
//! that were written by transactions below the horizon of this snapshot and not below the horizon
//! of the last one. All transactions below a horizon have ended, so the passes share out the rows'
//! versions without a gap or an overlap, however late a transaction commits. `updated_at` only
//! narrows down where to look. Deletes are not seen, and of several updates between two passes
//! the last one only.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use shopflow_core::contract::{CdcResult, CdcSource};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::PgLsn;

use crate::change::{Change, Image, Operation, Place};
use crate::checkpoint::{self, Account, Checkpoint, Claim};
use crate::context::{Context, SCHEMA};
use crate::copy::{Lines, describe, fields, select_list, tuple};
use crate::files::{Counts, Written};
use crate::horizon::Snapshot;
use crate::{publish, snapshot};

/// Capture of one table, on one connection.
pub struct Pass<'a> {
    context: &'a Context,
    client: &'a mut Client,
    table: &'a str,
    checkpoint: Checkpoint,
}

/// A pass that is in S3 but not yet in the log.
pub struct Seen {
    next: Checkpoint,
    account: Account,
    day: NaiveDate,
    files: Vec<Written>,
    counts: Counts,
    /// Since when a transaction has been at work that is not below the horizon.
    waiting_since: Option<DateTime<Utc>>,
}

/// Captures every table that has `updated_at` and `id`.
///
/// # Errors
/// `Transient.*`, or `InvalidInput` when a table does not exist.
pub async fn run(
    context: &Context,
    client: &mut Client,
    invocation: &Invocation,
) -> Result<CdcResult> {
    let mut result = CdcResult { mode: "watermark".to_owned(), ..CdcResult::default() };
    for table in context.tables() {
        if invocation.remaining() < context.reserve() {
            result.incomplete = true;
            break;
        }
        if !has_watermark(client, table).await? {
            tracing::info!(table, "no updated_at and id: not captured in watermark mode");
            result.not_captured.push(table.clone());
            continue;
        }
        let mut pass = Pass::open(context, client, table).await?;
        pass.publish().await?;
        let seen = pass.write().await?;
        result.sources.push(account(&pass, &seen));
        pass.commit(seen).await?;
        pass.publish().await?;
    }
    let oldest = result.sources.iter().map(|source| source.lag_seconds).fold(0.0, f64::max);
    invocation.metrics.gauge("LagSeconds", oldest, &[]);
    Ok(result)
}

fn account(pass: &Pass<'_>, seen: &Seen) -> CdcSource {
    let since = |at: DateTime<Utc>| (Utc::now() - at).as_seconds_f64().max(0.0);
    let mut source = CdcSource {
        source: pass.checkpoint.source.clone(),
        batches: 1,
        changes_read: seen.account.read,
        changes_written: seen.account.written,
        changes_unchanged: seen.account.unchanged,
        objects: seen.files.iter().map(|file| file.key.clone()).collect(),
        lag_seconds: seen.waiting_since.map_or(0.0, since),
        ..CdcSource::default()
    };
    crate::files::add(&mut source.changes, &seen.counts);
    source
}

impl<'a> Pass<'a> {
    /// Reads the checkpoint of the table.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn open(
        context: &'a Context,
        client: &'a mut Client,
        table: &'a str,
    ) -> Result<Pass<'a>> {
        let source = format!("watermark:{SCHEMA}.{table}");
        let checkpoint = checkpoint::open(client, &source).await?;
        Ok(Pass { context, client, table, checkpoint })
    }

    /// Reads the table from where the last pass began to be incomplete, and writes what is new.
    ///
    /// # Errors
    /// `Transient.*`.
    pub async fn write(&mut self) -> Result<Seen> {
        snapshot::discard(self.context, &self.checkpoint).await?;
        let day = Utc::now().date_naive();
        let batch = format!("watermark-{}", uuid::Uuid::new_v4().simple());
        let claim = Claim { batch: batch.clone(), on: day, until: None, changes: None };
        checkpoint::claim(self.client, &mut self.checkpoint, claim).await?;

        let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.client.batch_execute(begin).await.or_db("begin pass")?;
        let sql = "SELECT pg_current_snapshot()::text, now(), pg_current_wal_insert_lsn(), \
                       (SELECT min(xact_start) FROM pg_stat_activity \
                        WHERE datname = current_database() AND backend_xid IS NOT NULL)";
        let row = self.client.query_one(sql, &[]).await.or_db("take snapshot")?;
        let snapshot: Snapshot = row.get::<_, &str>(0).parse()?;
        let now: DateTime<Utc> = row.get(1);
        let waiting_since: Option<DateTime<Utc>> = row.get(3);
        let position = u64::from(row.get::<_, PgLsn>(2));

        let from = &self.checkpoint;
        let mut pass =
            Reading { last: from.snapshot.as_ref(), now: &snapshot, read: 0, unchanged: 0 };
        let mut files = self.context.files(day, Some(&batch), from.version + 1);
        let highest = pass.rows(self.client, self.table, from.scan_from, &mut files).await?;
        let (read, unchanged) = (pass.read, pass.unchanged);
        self.client.batch_execute("COMMIT").await.or_db("end pass")?;
        let (files, counts) = files.finish().await?;
        let account = Account {
            kind: "watermark",
            to: Some(position),
            read,
            unchanged,
            written: files.iter().map(|file| file.changes).sum(),
            ..Account::default()
        };
        let begin = waiting_since.map_or(now, |since| since.min(now));
        let watermark = highest.max(from.watermark);
        let next = Checkpoint {
            tables: vec![self.table.to_owned()],
            snapshot: Some(snapshot),
            watermark,
            scan_from: Some(begin - TimeDelta::seconds(self.context.overlap_seconds())),
            last_commit_at: watermark.map(|(at, _)| at),
            ..from.clone()
        };
        Ok(Seen { next, account, day, files, counts, waiting_since })
    }

    /// Makes the pass part of the log.
    ///
    /// # Errors
    /// `Transient.Database` when another call was faster.
    pub async fn commit(&mut self, seen: Seen) -> Result<()> {
        let Seen { next, account, day, files, .. } = seen;
        self.checkpoint =
            checkpoint::commit(self.client, &self.checkpoint, next, &account, day, &files).await?;
        Ok(())
    }

    /// Lists committed files in the manifests.
    ///
    /// # Errors
    /// `Transient.*`.
    pub async fn publish(&self) -> Result<()> {
        let context = self.context;
        let source = &self.checkpoint.source;
        publish::publish(self.client, context.storage(), context.bucket(), source).await
    }
}

/// One reading of a table between two snapshots.
struct Reading<'a> {
    last: Option<&'a Snapshot>,
    now: &'a Snapshot,
    read: u64,
    unchanged: u64,
}

impl Reading<'_> {
    /// Writes what is new; the highest watermark among it.
    async fn rows(
        &mut self,
        client: &Client,
        table: &str,
        from: Option<DateTime<Utc>>,
        files: &mut crate::files::Files,
    ) -> Result<Option<(DateTime<Utc>, i64)>> {
        let relation = describe(client, table).await?;
        // COPY takes no parameters; a time holds nothing that could be mistaken for SQL.
        let from = from.map_or("-infinity".to_owned(), |from| from.to_rfc3339());
        let query = format!(
            "SELECT {}, xmin, updated_at, id FROM {SCHEMA}.{table} \
             WHERE updated_at >= '{from}'::timestamptz ORDER BY updated_at, id",
            select_list(&relation)
        );
        let columns = relation.columns.len();
        let mut lines = Lines::open(client, &query).await?;
        let mut highest = None;
        let mut seq = 0;
        while let Some(line) = lines.next().await? {
            let fields = fields(&line)?;
            let own = |index: usize| fields.get(columns + index).and_then(Option::as_deref);
            let xmin: u32 = parsed(own(0), "xmin", table)?;
            if !self.now.is_below_horizon(xmin) {
                continue;
            }
            self.read += 1;
            if self.last.is_some_and(|last| last.is_below_horizon(xmin)) {
                self.unchanged += 1;
                continue;
            }
            let updated_at = own(1).unwrap_or_default();
            let commit_at = DateTime::parse_from_str(updated_at, "%Y-%m-%d %H:%M:%S%.f%#z")
                .or_error(ErrorKind::Internal, "read updated_at failed")
                .map_err(|error| error.with("table", table))?
                .to_utc();
            seq += 1;
            let place = Place { lsn: None, commit_lsn: None, xid: Some(xmin), commit_at, seq };
            let image = Image { values: tuple(&relation, &fields)?, key_only: false };
            files
                .push(&Change {
                    operation: Operation::Watermark,
                    place,
                    relation: relation.clone(),
                    before: None,
                    after: Some(image),
                })
                .await?;
            highest = highest.max(Some((commit_at, parsed(own(2), "id", table)?)));
        }
        Ok(highest)
    }
}

fn parsed<T: std::str::FromStr>(text: Option<&str>, column: &str, table: &str) -> Result<T> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        Error::internal("read table failed: a number cannot be parsed")
            .with("table", table)
            .with("column", column)
    })
}

async fn has_watermark(client: &Client, table: &str) -> Result<bool> {
    let sql = "SELECT count(*) FROM pg_attribute \
               WHERE attrelid = (SELECT oid FROM pg_class \
                                 WHERE relnamespace = $1::text::regnamespace AND relname = $2) \
                   AND (attname, atttypid) IN (('updated_at', 'timestamptz'::regtype), \
                                               ('id', 'bigint'::regtype)) AND NOT attisdropped";
    let row = client.query_one(sql, &[&SCHEMA, &table]).await.or_db("read columns")?;
    Ok(row.get::<_, i64>(0) == 2)
}
