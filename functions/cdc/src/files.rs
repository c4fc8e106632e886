//! Changes to Parquet files, one stream of files per table, with bounded memory.
//!
//! Which change goes into which file depends on the changes only, so that a batch that is written
//! again gives the same objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage, keys};
use shopflow_lake::parquet::{CONTENT_TYPE, writer_properties};
use tokio::task::JoinSet;

use crate::change::{Change, write_json, write_text};

/// Rows that are collected before they are encoded.
const ROWS: usize = 8192;
/// Bytes of JSON after which they are encoded, however few: rows can be wide.
const JSON_BYTES: usize = 4 * 1024 * 1024;
/// Files on their way to S3 at the same time, each in memory.
const UPLOADS: usize = 2;
/// Encoded bytes over all tables after which the largest open file is closed.
const OPEN_BYTES: usize = 96 * 1024 * 1024;

/// The columns of the change log, the same for every table.
pub fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("op", DataType::Utf8, false),
        // Positions in the server's log, in bytes: 0/16B3748 is 23803720.
        Field::new("lsn", DataType::Int64, true),
        Field::new("commit_lsn", DataType::Int64, true),
        Field::new("xid", DataType::Int64, true),
        Field::new("commit_ts", time, false),
        Field::new("seq", DataType::Int64, false),
        // The checkpoint's version that this change became part of the log with.
        Field::new("batch", DataType::Int64, false),
        Field::new("before", DataType::Utf8, true),
        Field::new("after", DataType::Utf8, true),
        // JSON list of columns that are not in `after` because the change did not touch them.
        Field::new("unchanged", DataType::Utf8, true),
    ]))
}

/// A file that is in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub table: String,
    pub key: String,
    pub first_lsn: Option<u64>,
    pub last_lsn: Option<u64>,
    pub changes: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// What was written, by table and code of the operation.
pub type Counts = BTreeMap<String, BTreeMap<&'static str, u64>>;

/// Adds what was written to the changes of a result.
pub fn add(total: &mut BTreeMap<String, BTreeMap<String, u64>>, counts: &Counts) {
    for (table, operations) in counts {
        let of_table = total.entry(table.clone()).or_default();
        for (code, count) in operations {
            *of_table.entry((*code).to_owned()).or_default() += count;
        }
    }
}

/// The files of one batch.
pub struct Files {
    storage: Storage,
    bucket: String,
    day: NaiveDate,
    /// Beginning of the names; by range of positions when there is none.
    name: Option<String>,
    batch: i64,
    file_bytes: usize,
    tables: BTreeMap<String, TableFiles>,
    uploads: JoinSet<Result<Written>>,
    written: Vec<Written>,
    counts: Counts,
}

#[derive(Default)]
struct TableFiles {
    parts: u32,
    rows: Option<Rows>,
    file: Option<OpenFile>,
}

struct OpenFile {
    writer: ArrowWriter<Vec<u8>>,
    changes: u64,
    first_lsn: Option<u64>,
    last_lsn: Option<u64>,
}

impl OpenFile {
    fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }
}

impl Files {
    /// Files of the change log of `day`; `batch` is the version the batch will be committed as.
    pub fn new(
        storage: &Storage,
        bucket: &str,
        day: NaiveDate,
        name: Option<&str>,
        batch: i64,
        file_mib: usize,
    ) -> Self {
        Files {
            storage: storage.clone(),
            bucket: bucket.to_owned(),
            day,
            name: name.map(str::to_owned),
            batch,
            file_bytes: file_mib * 1024 * 1024,
            tables: BTreeMap::new(),
            uploads: JoinSet::new(),
            written: Vec::new(),
            counts: Counts::new(),
        }
    }

    /// Adds a change; sends files that are full.
    ///
    /// # Errors
    /// `Transient.Storage` when a file could not be written.
    pub async fn push(&mut self, change: &Change<'_>) -> Result<()> {
        let name = change.relation.name.as_str();
        let code = change.operation.code();
        if !self.tables.contains_key(name) {
            self.tables.insert(name.to_owned(), TableFiles::default());
            self.counts.insert(name.to_owned(), BTreeMap::new());
        }
        if let Some(counts) = self.counts.get_mut(name) {
            *counts.entry(code).or_default() += 1;
        }
        let Some(table) = self.tables.get_mut(name) else { return Ok(()) };
        let rows = table.rows.get_or_insert_with(Rows::default);
        rows.push(change, self.batch);
        if rows.count < ROWS && rows.json_bytes < JSON_BYTES {
            return Ok(());
        }
        table.encode()?;
        if table.file.as_ref().is_some_and(|file| file.bytes() >= self.file_bytes) {
            self.close(name).await?;
        }
        self.bound().await
    }

    /// Sends what is left; the files of the batch sorted by key, and what they hold.
    ///
    /// # Errors
    /// `Transient.Storage` when a file could not be written, `Internal` when a change is missing.
    pub async fn finish(mut self) -> Result<(Vec<Written>, Counts)> {
        let names: Vec<String> = self.tables.keys().cloned().collect();
        for name in names {
            if let Some(table) = self.tables.get_mut(&name) {
                table.encode()?;
            }
            self.close(&name).await?;
        }
        while let Some(done) = self.uploads.join_next().await {
            self.written.push(joined(done)?);
        }
        self.written.sort_by(|a, b| a.key.cmp(&b.key));
        let pushed: u64 = self.counts.values().flat_map(BTreeMap::values).sum();
        let stored: u64 = self.written.iter().map(|file| file.changes).sum();
        if pushed != stored {
            return Err(Error::internal("files do not hold every change")
                .with("changes", pushed)
                .with("written", stored));
        }
        Ok((self.written, self.counts))
    }

    /// Closes the largest file while too much is open.
    async fn bound(&mut self) -> Result<()> {
        let open = |table: &TableFiles| table.file.as_ref().map_or(0, OpenFile::bytes);
        while self.tables.values().map(open).sum::<usize>() > OPEN_BYTES {
            let largest = self.tables.iter().max_by_key(|(_, table)| open(table));
            let Some(name) = largest.map(|(name, _)| name.clone()) else { break };
            self.close(&name).await?;
        }
        Ok(())
    }

    async fn close(&mut self, name: &str) -> Result<()> {
        let Some(table) = self.tables.get_mut(name) else { return Ok(()) };
        let Some(file) = table.file.take() else { return Ok(()) };
        table.parts += 1;
        let stem = match (&self.name, file.first_lsn, file.last_lsn) {
            (None, Some(first), Some(last)) => format!("{first:016x}-{last:016x}"),
            (given, _, _) => given.clone().unwrap_or_default(),
        };
        let folder = keys::change_log(name, self.day);
        let key = format!("{folder}/{stem}-{:05}.parquet", table.parts);
        let (first_lsn, last_lsn, changes) = (file.first_lsn, file.last_lsn, file.changes);
        let content = file.writer.into_inner();
        let content = Bytes::from(content.or_error(ErrorKind::Internal, "finish file failed")?);
        while self.uploads.len() >= UPLOADS {
            if let Some(done) = self.uploads.join_next().await {
                self.written.push(joined(done)?);
            }
        }
        let (storage, bucket, table) = (self.storage.clone(), self.bucket.clone(), name.to_owned());
        self.uploads.spawn(async move {
            let stored = storage.write_all(&bucket, &key, CONTENT_TYPE, content).await?;
            let (bytes, sha256) = (stored.bytes, stored.sha256);
            Ok(Written { table, key, first_lsn, last_lsn, changes, bytes, sha256 })
        });
        Ok(())
    }
}

fn joined(done: std::result::Result<Result<Written>, tokio::task::JoinError>) -> Result<Written> {
    done.or_error(ErrorKind::Internal, "writing a file stopped")?
}

impl TableFiles {
    fn encode(&mut self) -> Result<()> {
        let Some(mut rows) = self.rows.take() else { return Ok(()) };
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let writer = ArrowWriter::try_new(Vec::new(), schema(), Some(writer_properties()))
                    .or_error(ErrorKind::Internal, "start file failed")?;
                let first_lsn = rows.first_lsn;
                self.file.insert(OpenFile { writer, changes: 0, first_lsn, last_lsn: None })
            }
        };
        file.changes += rows.count as u64;
        file.last_lsn = rows.last_lsn;
        file.writer.write(&rows.finish()?).or_error(ErrorKind::Internal, "encode changes failed")
    }
}

/// Rows of one table on their way to a Parquet file.
#[derive(Default)]
struct Rows {
    count: usize,
    json_bytes: usize,
    first_lsn: Option<u64>,
    last_lsn: Option<u64>,
    op: StringBuilder,
    lsn: Int64Builder,
    commit_lsn: Int64Builder,
    xid: Int64Builder,
    commit_at: TimestampMicrosecondBuilder,
    seq: Int64Builder,
    batch: Int64Builder,
    before: StringBuilder,
    after: StringBuilder,
    unchanged: StringBuilder,
    scratch: String,
}

impl Rows {
    fn push(&mut self, change: &Change<'_>, batch: i64) {
        let place = &change.place;
        if self.count == 0 {
            self.first_lsn = place.commit_lsn;
        }
        self.last_lsn = place.commit_lsn;
        self.count += 1;
        self.op.append_value(change.operation.code());
        // Positions stay below 2^63: the log would have to grow to eight exabytes.
        self.lsn.append_option(place.lsn.map(u64::cast_signed));
        self.commit_lsn.append_option(place.commit_lsn.map(u64::cast_signed));
        self.xid.append_option(place.xid.map(i64::from));
        self.commit_at.append_value(place.commit_at.timestamp_micros());
        self.seq.append_value(place.seq);
        self.batch.append_value(batch);
        let mut unchanged = Vec::new();
        let images = [(&change.before, &mut self.before), (&change.after, &mut self.after)];
        for (image, column) in images {
            let Some(image) = image else {
                column.append_null();
                continue;
            };
            self.scratch.clear();
            // Of the row before nothing is left out: what it does not hold, it does not name.
            unchanged.clear();
            write_json(&mut self.scratch, &mut unchanged, &change.relation, image);
            self.json_bytes += self.scratch.len();
            column.append_value(&self.scratch);
        }
        if change.after.is_none() || unchanged.is_empty() {
            self.unchanged.append_null();
            return;
        }
        self.scratch.clear();
        for (index, name) in unchanged.iter().enumerate() {
            self.scratch.push(if index == 0 { '[' } else { ',' });
            write_text(&mut self.scratch, name);
        }
        self.scratch.push(']');
        self.unchanged.append_value(&self.scratch);
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        let commit_at = self.commit_at.finish().with_timezone("UTC");
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.op.finish()),
            Arc::new(self.lsn.finish()),
            Arc::new(self.commit_lsn.finish()),
            Arc::new(self.xid.finish()),
            Arc::new(commit_at),
            Arc::new(self.seq.finish()),
            Arc::new(self.batch.finish()),
            Arc::new(self.before.finish()),
            Arc::new(self.after.finish()),
            Arc::new(self.unchanged.finish()),
        ];
        RecordBatch::try_new(schema(), columns).or_error(ErrorKind::Internal, "build rows failed")
    }
}
