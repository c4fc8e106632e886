//! `fact_sessions`: whole sessions of the clickstream, of which only the touched are recomputed.
//!
//! Files of silver hold events of some UTC dates, and a session may run over midnight. The published
//! copy in Postgres says on which dates the sessions known so far have events; together with the
//! touched dates, these are all the dates with events of a touched session, however late one came.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Int32Type;
use chrono::NaiveDate;
use futures::TryStreamExt;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, keys};
use shopflow_lake::parquet::blocking;
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table, schema};
use shopflow_postgres::{Client, PgResultExt};
use shopflow_query::Rows;
use shopflow_query::batches::{conform, sorted};
use shopflow_query::engine::memory_table;

use super::refresh::{Refresh, event_time, only};
use super::tables;
use crate::days;

const TOUCHED_SESSIONS: &str = include_str!("../../../../sql/warehouse/touched_sessions.sql");

/// The recomputed sessions, to be published.
#[derive(Debug)]
pub struct SessionChange {
    /// Numbers of all sessions that may have changed, those that are gone included; `None` for
    /// every session.
    pub ids: Option<Arc<HashSet<String>>>,
    pub rows: RecordBatch,
}

impl SessionChange {
    /// Dates on which the sessions begin and end.
    ///
    /// # Errors
    /// `Internal` when a key is no date.
    pub fn dates(&self) -> Result<BTreeSet<NaiveDate>> {
        let mut dates = BTreeSet::new();
        for column in ["date_key", "end_date_key"] {
            let keys: HashSet<i32> = date_keys(&self.rows, column)?.iter().copied().collect();
            for key in keys {
                dates.insert(days::of_date_key(key)?);
            }
        }
        Ok(dates)
    }
}

fn date_keys<'a>(rows: &'a RecordBatch, column: &str) -> Result<&'a [i32]> {
    rows.column_by_name(column)
        .and_then(|keys| keys.as_primitive_opt::<Int32Type>())
        .map(|keys| &keys.values()[..])
        .ok_or_else(|| Error::internal("sessions have no date key").with("column", column))
}

/// Which sessions are to be recomputed.
struct Touched {
    ids: Option<Arc<HashSet<String>>>,
    /// Files of silver that may hold their events.
    files: Vec<FileEntry>,
    /// Months of gold in which they may stand now.
    months: BTreeSet<String>,
}

impl Refresh<'_> {
    /// Recomputes the sessions with events on the touched dates and those that are marked; `None`
    /// when there are none.
    ///
    /// # Errors
    /// `Transient.*`, or `Internal` when silver does not have its columns.
    pub async fn sessions(
        &self,
        client: &Client,
        customers: &RecordBatch,
    ) -> Result<Option<SessionChange>> {
        let mut lost = None;
        for _ in 0..COMMIT_ATTEMPTS {
            let name = keys::silver_table(Dataset::Clickstream);
            let (silver, mut table) = futures::try_join!(
                Table::open(&self.context.storage, &self.context.lake, &name),
                self.open(tables::FACT_SESSIONS)
            )?;
            let touched = match self.touched_sessions(client, &silver, &table).await {
                Ok(Some(touched)) => touched,
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::InvalidInput => {
                    lost = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            match self.session_months(&table, customers, &touched).await {
                Ok((changes, rows)) => {
                    if changes.is_empty() || table.commit(changes).await? {
                        return Ok(Some(SessionChange { ids: touched.ids, rows }));
                    }
                    lost = Some(table.conflict());
                }
                // The file went while it was being read: compaction has replaced it.
                Err(error) if error.kind() == ErrorKind::InvalidInput => lost = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(lost.unwrap_or_else(|| Error::internal("fact_sessions was not written")))
    }

    /// True when no session is known yet and every click is touched: then all sessions are, and
    /// need not be named.
    fn is_first(&self, silver: &Table, table: &Table) -> bool {
        let mut clicks = silver.manifest().files();
        let dates = &self.update.click_dates;
        table.manifest().rows() == 0 && !dates.is_empty() && clicks.all(|file| file.may_hold(dates))
    }

    async fn touched_sessions(
        &self,
        client: &Client,
        silver: &Table,
        table: &Table,
    ) -> Result<Option<Touched>> {
        if self.update.full || self.is_first(silver, table) {
            let files: Vec<FileEntry> = silver.manifest().files().cloned().collect();
            if files.is_empty() && !self.update.full {
                return Ok(None);
            }
            let months = table.manifest().partitions.keys().cloned().collect();
            return Ok(Some(Touched { ids: None, files, months }));
        }
        let mut dates = self.update.click_dates.clone();
        let mut ids = self.session_ids(silver, &dates).await?;
        let mut months: BTreeSet<String> =
            dates.iter().map(|date| days::month_partition(*date)).collect();
        let current: Vec<&str> = ids.iter().map(String::as_str).collect();
        let keys: Vec<i32> = dates.iter().map(|date| days::date_key(*date)).collect();
        let known = client
            .query(TOUCHED_SESSIONS, &[&current, &keys])
            .await
            .or_db("find touched sessions")?;
        for row in known {
            let (first, last) = (days::of_date_key(row.get(1))?, days::of_date_key(row.get(2))?);
            ids.insert(row.get(0));
            months.insert(days::month_partition(first));
            dates.extend(days::each(first..=last));
        }
        if ids.is_empty() {
            return Ok(None);
        }
        let files = silver.manifest().files_of_days(&dates);
        Ok(Some(Touched { ids: Some(Arc::new(ids)), files, months }))
    }

    /// The sessions that have events on some dates.
    async fn session_ids(
        &self,
        silver: &Table,
        dates: &BTreeSet<NaiveDate>,
    ) -> Result<HashSet<String>> {
        let moment = event_time(Dataset::Clickstream)?;
        let columns = only(&schema::silver(Dataset::Clickstream), &[tables::SESSION_ID, moment])?;
        let on_dates = dates.iter().map(|date| days::number(*date)).collect();
        let on_dates = Rows::OfDays(moment, Arc::new(on_dates));
        let mut ids = HashSet::new();
        let mut files = self.read_each(silver, silver.manifest().files_of_days(dates), &columns);
        while let Some(batches) = files.try_next().await? {
            for batch in batches {
                let batch = on_dates.select(&batch, true)?;
                let sessions = batch
                    .column_by_name(tables::SESSION_ID)
                    .and_then(|sessions| sessions.as_string_opt::<i32>())
                    .ok_or_else(|| Error::internal("session of a click event is not text"))?;
                for session in sessions.iter().flatten().filter(|id| !id.is_empty()) {
                    if !ids.contains(session) {
                        ids.insert(session.to_owned());
                    }
                }
            }
        }
        Ok(ids)
    }

    /// The touched sessions, and the months of gold in which they stood or stand.
    async fn session_months(
        &self,
        table: &Table,
        customers: &RecordBatch,
        touched: &Touched,
    ) -> Result<(BTreeMap<String, Vec<FileEntry>>, RecordBatch)> {
        let outdated = match &touched.ids {
            Some(ids) => Rows::OfTexts(tables::SESSION_ID, Arc::clone(ids)),
            None => Rows::All,
        };
        let silver = schema::silver(Dataset::Clickstream);
        let events = self.lazy_files(touched.files.clone(), silver, outdated.clone());
        let inputs = vec![
            ("silver_clickstream", events.into_table()),
            ("gold_dim_customer", memory_table(&tables::dim_customer(), vec![customers.clone()])?),
        ];
        let schema = tables::fact_sessions();
        let rows = self.engine.query(tables::FACT_SESSIONS_SQL, inputs, &schema).await?;
        let mut by_month = rows_by_month(&rows)?;
        for month in &touched.months {
            by_month.entry(month.clone()).or_default();
        }
        let mut changes = BTreeMap::new();
        for (month, positions) in by_month {
            let present = table.manifest().partitions.get(&month).cloned().unwrap_or_default();
            let mut parts = vec![
                take_record_batch(&rows, &UInt32Array::from(positions))
                    .or_error(ErrorKind::Internal, "selection of sessions failed")?,
            ];
            if touched.ids.is_some() {
                for file in &present {
                    for batch in self.read(table, file, &schema).await? {
                        parts.push(outdated.select(&batch, false)?);
                    }
                }
            }
            let schema = Arc::clone(&schema);
            let month_rows = blocking(move || {
                sorted(&conform(&schema, &parts)?, &["started_at", tables::SESSION_ID])
            })
            .await?;
            if let Some(files) = self.write_if_new(table, &month, &present, month_rows).await? {
                changes.insert(month, files);
            }
        }
        Ok((changes, rows))
    }
}

/// Positions of the sessions that begin in each month.
fn rows_by_month(rows: &RecordBatch) -> Result<BTreeMap<String, Vec<u32>>> {
    let mut months: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (row, key) in date_keys(rows, "date_key")?.iter().enumerate() {
        months.entry(key / 100).or_default().push(row as u32);
    }
    let named = months.into_iter().map(|(month, rows)| {
        let first = days::of_date_key(month * 100 + 1)?;
        Ok((days::month_partition(first), rows))
    });
    named.collect()
}
