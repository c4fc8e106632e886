//! Gold tables that no query answers well: fitted models, and counts of pairs.
//!
//! They are aggregates like the others, read `fact_sales` and the clicks, and are computed again
//! when one of them has changed. Everything in them follows from the whole history (or its latest
//! days), so any sequence of increments gives the same bytes as one full run.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use chrono::NaiveDate;
use futures::{FutureExt, TryStreamExt};
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, keys};
use shopflow_lake::days::days_of_month;
use shopflow_lake::parquet::blocking;
use shopflow_lake::{DayRange, FileEntry, Table, TableManifest, schema};
use shopflow_models::baskets::Baskets;
use shopflow_query::Rows;
use shopflow_query::batches::{conform, sorted};

use super::models::recommend::{SalesBaskets, SessionBaskets, Settings};
use super::models::{fits, lifetime, recommend};
use super::refresh::{Change, Refresh, event_time, only};
use super::tables::{self, Aggregate, Input};
use crate::days;

/// The tables. The SQL of the first two is the question that feeds the models; that of the others
/// says the same as [`recommend`] does, for engines that have nothing else (a test compares them).
pub static MODELLED: LazyLock<[Aggregate; 4]> = LazyLock::new(|| {
    [
        Aggregate {
            name: "model_fits",
            sql: lifetime::CUSTOMER_PURCHASES_SQL,
            reads: &[Input::FactSales],
            period: None,
            schema: fits::model_fits(),
        },
        Aggregate {
            name: "customer_lifetime_prediction",
            sql: lifetime::CUSTOMER_PURCHASES_SQL,
            reads: &[Input::FactSales],
            period: None,
            schema: lifetime::customer_lifetime_prediction(),
        },
        Aggregate {
            name: "product_pairs",
            sql: include_str!("../../../../sql/gold/product_pairs.sql"),
            reads: &[Input::FactSales],
            period: None,
            schema: recommend::product_pairs(),
        },
        Aggregate {
            name: "product_similarity",
            sql: include_str!("../../../../sql/gold/product_similarity.sql"),
            reads: &[Input::FactSales, Input::FactSessions],
            period: None,
            schema: recommend::product_similarity(),
        },
    ]
});

impl Refresh<'_> {
    /// Computes the tables that read what has changed.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when the temporary folder cannot be written.
    pub async fn models(&self, facts: &Table, sales: bool, clicks: bool) -> Result<Vec<Change>> {
        let (mut of_customers, of_products) = futures::try_join!(
            self.lifetime_models(facts, sales).boxed(),
            self.product_models(facts, sales, clicks).boxed()
        )?;
        of_customers.extend(of_products);
        Ok(of_customers)
    }

    async fn lifetime_models(&self, facts: &Table, sales: bool) -> Result<Vec<Change>> {
        if !sales {
            return Ok(Vec::new());
        }
        let [fits, predictions, ..] = &*MODELLED;
        let modelled = self.customers(facts).await?;
        let fits = self.change(fits, modelled.model_fits);
        let predictions = self.change(predictions, modelled.customer_lifetime_prediction);
        let (fits, predictions) = futures::try_join!(fits, predictions)?;
        Ok(vec![fits, predictions])
    }

    async fn product_models(
        &self,
        facts: &Table,
        sales: bool,
        clicks: bool,
    ) -> Result<Vec<Change>> {
        if !sales && !clicks {
            return Ok(Vec::new());
        }
        let [.., pairs, similarity] = &*MODELLED;
        let memory = self.context.memory_bytes / 8;
        let counted = self.context.recommendations;
        let settings = Settings {
            minimum_baskets: counted.minimum_baskets,
            top: counted.top,
            memory: self.context.memory_bytes / 4,
        };
        let (baskets, sessions) = futures::try_join!(
            self.baskets(facts, memory).boxed(),
            self.visits(memory, counted.session_days).boxed()
        )?;
        let (of_pairs, similar) = blocking(move || {
            let of_pairs = sales.then(|| recommend::pairs(&baskets, &settings)).transpose()?;
            let sources = [("basket", &baskets), ("session", &sessions)];
            Ok((of_pairs, recommend::similar(&sources, &settings)?))
        })
        .await?;
        let mut changes = Vec::new();
        if let Some(rows) = of_pairs {
            changes.push(self.change(pairs, rows).await?);
        }
        changes.push(self.change(similarity, similar).await?);
        Ok(changes)
    }

    async fn customers(&self, facts: &Table) -> Result<lifetime::Modelled> {
        let facts = self.lazy(facts, tables::fact_sales(), Rows::All, |_| true).into_table();
        let inputs = vec![(Input::FactSales.name(), facts)];
        let answer = self
            .engine
            .query(lifetime::CUSTOMER_PURCHASES_SQL, inputs, &lifetime::customer_purchases())
            .await?;
        blocking(move || lifetime::model(&answer)).await
    }

    /// The baskets of all sales, month by month.
    async fn baskets(&self, facts: &Table, memory: usize) -> Result<Baskets> {
        let columns = only(&tables::fact_sales(), &recommend::SALES_COLUMNS)?;
        let mut sales = SalesBaskets::new(memory);
        for files in facts.manifest().partitions.values() {
            let mut batches = Vec::new();
            for file in files {
                batches.extend(self.read(facts, file, &columns).await?);
            }
            // Rows are sorted within a file.
            if files.len() > 1 {
                batches = vec![sorted(&conform(&columns, &batches)?, &[tables::EVENT_DATE])?];
            }
            sales = blocking(move || {
                batches.iter().try_for_each(|batch| sales.add(batch))?;
                Ok(sales)
            })
            .await?;
        }
        blocking(move || sales.finish()).await
    }

    /// The products of each session of the latest days.
    async fn visits(&self, memory: usize, latest_days: u32) -> Result<Baskets> {
        let name = keys::silver_table(Dataset::Clickstream);
        let silver = Table::open(&self.context.storage, &self.context.lake, &name).await?;
        let moment = event_time(Dataset::Clickstream)?;
        let clicks = schema::silver(Dataset::Clickstream);
        let columns = only(&clicks, &[&recommend::CLICK_COLUMNS[..], &[moment]].concat())?;
        let first = match self.latest_day(&silver, &only(&clicks, &[moment])?).await? {
            Some(latest) => latest - latest_days as i32 + 1,
            None => 0,
        };
        let first_date = days::date(first).unwrap_or(NaiveDate::MIN);
        let clusters = clusters(silver.manifest(), first_date);
        let files = clusters.iter().flatten().cloned().collect();
        let mut contents = self.read_each(&silver, files, &columns);
        let mut sessions = SessionBaskets::new(memory);
        for cluster in clusters {
            let mut batches = Vec::new();
            for _ in cluster {
                batches.extend(contents.try_next().await?.unwrap_or_default());
            }
            let columns = Arc::clone(&columns);
            sessions = blocking(move || {
                let events = conform(&columns, &batches)?;
                for (day, rows) in by_day(&events, moment)?.range(first..) {
                    let rows = take_record_batch(&events, &UInt32Array::from(rows.clone()))
                        .or_error(ErrorKind::Internal, "selection of click events failed")?;
                    sessions.add(*day, &rows)?;
                }
                Ok(sessions)
            })
            .await?;
        }
        blocking(move || sessions.finish()).await
    }

    /// The latest day with events, in days since the epoch.
    async fn latest_day(&self, silver: &Table, moment: &SchemaRef) -> Result<Option<i32>> {
        let Some(files) = silver.manifest().partitions.values().next_back() else {
            return Ok(None);
        };
        let (dated, undated): (Vec<&FileEntry>, Vec<&FileEntry>) =
            files.iter().partition(|file| file.days.is_some());
        let known = dated.into_iter().filter_map(|file| file.days);
        let mut latest = known.map(|range| days::number(range.last)).max();
        for file in undated {
            for batch in self.read(silver, file, moment).await? {
                let day = by_day(&batch, moment.field(0).name())?.into_keys().next_back();
                latest = latest.max(day);
            }
        }
        Ok(latest)
    }
}

/// The files with events since a day, in the order of time; files whose days overlap together.
fn clusters(manifest: &TableManifest, first: NaiveDate) -> Vec<Vec<FileEntry>> {
    let mut dated: Vec<(DayRange, &FileEntry)> = manifest
        .partitions
        .iter()
        .filter_map(|(partition, files)| Some((days_of_month(partition)?, files)))
        .flat_map(|(month, files)| files.iter().map(move |file| (file.days.unwrap_or(month), file)))
        .filter(|(range, _)| range.last >= first)
        .collect();
    dated.sort_by_key(|(range, file)| (range.first, &file.key));
    let mut clusters: Vec<(DayRange, Vec<FileEntry>)> = Vec::new();
    for (range, file) in dated {
        match clusters.last_mut().filter(|(known, _)| known.holds(range.first)) {
            Some((known, files)) => {
                *known = known.and(range);
                files.push(file.clone());
            }
            None => clusters.push((range, vec![file.clone()])),
        }
    }
    clusters.into_iter().map(|(_, files)| files).collect()
}

/// Positions of the events of each day.
fn by_day(events: &RecordBatch, moment: &str) -> Result<BTreeMap<i32, Vec<u32>>> {
    let moments = events
        .column_by_name(moment)
        .and_then(|moments| moments.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| Error::internal("click events have no moment"))?;
    let mut by_day: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (row, micros) in moments.values().iter().enumerate() {
        by_day.entry(days::day_of_micros(*micros)).or_default().push(row as u32);
    }
    Ok(by_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key: &str, days: Option<(&str, &str)>) -> FileEntry {
        let range = |(first, last): (&str, &str)| DayRange {
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
        };
        let (key, days) = (key.to_owned(), days.map(range));
        FileEntry { key, bytes: 1, rows: 1, sha256: String::new(), days }
    }

    #[test]
    fn files_whose_days_overlap_are_read_together_and_old_ones_not_at_all() {
        let january = vec![
            file("a", Some(("2026-01-20", "2026-01-20"))),
            file("b", Some(("2026-01-05", "2026-01-09"))),
            file("c", Some(("2026-01-01", "2026-01-06"))),
            file("d", Some(("2026-01-01", "2026-01-03"))),
        ];
        let partitions = BTreeMap::from([
            ("month=2026-01".to_owned(), january),
            ("month=2026-02".to_owned(), vec![file("e", None)]),
        ]);
        let manifest = TableManifest { table: "t".to_owned(), snapshot: 1, partitions };
        let clusters = clusters(&manifest, "2026-01-04".parse().unwrap());
        let keys: Vec<Vec<&str>> = clusters
            .iter()
            .map(|files| files.iter().map(|file| file.key.as_str()).collect())
            .collect();
        assert_eq!(keys, [vec!["c", "b"], vec!["a"], vec!["e"]]);
    }
}
