//! `fact_sales` in the lake: the months of touched dates, priced and converted as of the sale.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use chrono::NaiveDate;
use futures::{FutureExt, StreamExt, TryStreamExt};
use shopflow_core::{Dataset, Error, ErrorKind, Result, keys};
use shopflow_lake::days::days_of_month;
use shopflow_lake::parquet::blocking;
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table};
use shopflow_query::Rows;
use shopflow_query::batches::{conform, order, restate, sorted, taken};
use shopflow_query::engine::memory_table;

use super::refresh::{Dimensions, Refresh, event_time, only};
use super::{rates, tables};
use crate::days;

/// Questions that are asked at the same time, and months that are written at the same time after each.
const CONCURRENT: usize = 2;
/// Sales from which on no further month is priced by the same question: asking it costs the same for
/// a few sales as for many, and so does looking up every customer.
const SALES_PER_QUESTION: u64 = 65_536;
/// The order in which a month's file has its facts.
const ORDER: [&str; 2] = [tables::EVENT_DATE, "transaction_id"];

/// A month to bring up to date.
#[derive(Debug)]
struct Month {
    partition: String,
    /// Its touched dates; none of them when all of it is computed.
    dates: BTreeSet<NaiveDate>,
    /// The files of silver that its sales are in.
    sold: Vec<FileEntry>,
}

impl Refresh<'_> {
    /// Brings the months of the touched dates up to date; the table afterwards.
    pub async fn facts(&self, dims: &Dimensions) -> Result<Table> {
        if self.update.dates.is_empty() && !self.update.full {
            return self.open(tables::FACT_SALES).await;
        }
        let mut lost = None;
        for _ in 0..COMMIT_ATTEMPTS {
            let silver = keys::silver_table(Dataset::Transactions);
            let (silver, mut table) = futures::try_join!(
                Table::open(&self.context.storage, &self.context.lake, &silver),
                self.open(tables::FACT_SALES)
            )?;
            match self.fact_months(&silver, &table, dims).await {
                Ok(changes) => {
                    if table.commit(changes).await? {
                        return Ok(table);
                    }
                    lost = Some(table.conflict());
                }
                // The file went while it was being read: compaction has replaced it.
                Err(error) if error.kind() == ErrorKind::InvalidInput => lost = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(lost.unwrap_or_else(|| Error::internal("fact_sales was not written")))
    }

    async fn fact_months(
        &self,
        silver: &Table,
        table: &Table,
        dims: &Dimensions,
    ) -> Result<BTreeMap<String, Vec<FileEntry>>> {
        let questions = together(self.months(silver, table));
        let done: Vec<Vec<(String, Vec<FileEntry>)>> = futures::stream::iter(questions)
            .map(|months| self.price_months(silver, table, dims, months).boxed())
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(done.into_iter().flatten().collect())
    }

    /// What is to be computed, in the order of time.
    fn months(&self, silver: &Table, table: &Table) -> Vec<Month> {
        let mut months: BTreeMap<String, BTreeSet<NaiveDate>> = BTreeMap::new();
        let sales = silver.manifest();
        if self.update.full {
            let all = sales.partitions.keys().chain(table.manifest().partitions.keys());
            months.extend(all.map(|month| (month.clone(), BTreeSet::new())));
        }
        for date in &self.update.dates {
            months.entry(days::month_partition(*date)).or_default().insert(*date);
        }
        let month = |(partition, dates): (String, BTreeSet<NaiveDate>)| {
            let sold = match self.update.full {
                true => sales.partitions.get(&partition).cloned().unwrap_or_default(),
                false => sales.files_of_days(&dates),
            };
            Month { partition, dates, sold }
        };
        months.into_iter().map(month).collect()
    }

    /// Prices some months by one question and writes those that come out differently.
    async fn price_months(
        &self,
        silver: &Table,
        table: &Table,
        dims: &Dimensions,
        months: Vec<Month>,
    ) -> Result<Vec<(String, Vec<FileEntry>)>> {
        let facts = self.sell(silver, dims, &months).await?;
        let by_month = blocking(move || by_month(&facts, months)).await?;
        let written: Vec<Option<(String, Vec<FileEntry>)>> = futures::stream::iter(by_month)
            .map(|(facts, month)| {
                async move {
                    let files = self.write_month(table, &month, facts).await?;
                    Ok::<_, Error>(files.map(|files| (month.partition, files)))
                }
                .boxed()
            })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(written.into_iter().flatten().collect())
    }

    /// Writes one month with the facts of its touched dates; `None` when it stays as it is.
    async fn write_month(
        &self,
        table: &Table,
        month: &Month,
        facts: RecordBatch,
    ) -> Result<Option<Vec<FileEntry>>> {
        let present = table.manifest().partitions.get(&month.partition);
        let present = present.cloned().unwrap_or_default();
        let mut kept = Vec::new();
        if !self.update.full {
            let schema = tables::fact_sales();
            let untouched = Rows::OfDays(tables::EVENT_DATE, day_numbers(&month.dates));
            for file in &present {
                for batch in self.read(table, file, &schema).await? {
                    kept.push(untouched.select(&batch, false)?);
                }
            }
        }
        let rows = match kept.iter().any(|batch| batch.num_rows() > 0) {
            false => facts,
            true => {
                kept.push(facts);
                blocking(move || sorted(&conform(&tables::fact_sales(), &kept)?, &ORDER)).await?
            }
        };
        self.write_if_new(table, &month.partition, &present, rows).await
    }

    /// The facts of the sales of some months, in no order.
    async fn sell(
        &self,
        silver: &Table,
        dims: &Dimensions,
        months: &[Month],
    ) -> Result<RecordBatch> {
        let files = months.iter().flat_map(|month| month.sold.clone()).collect();
        let rows = match self.update.full {
            true => Rows::All,
            false => {
                let dates = months.iter().flat_map(|month| &month.dates);
                Rows::OfDays(event_time(Dataset::Transactions)?, day_numbers(dates))
            }
        };
        // Where the rows came from is not asked for.
        let own: Vec<&str> =
            Dataset::Transactions.columns().iter().map(|column| column.name).collect();
        let schema = only(&tables::silver_transactions(), &own)?;
        let mut sold = Vec::new();
        let mut batches = self.read_each(silver, files, &schema);
        while let Some(file) = batches.try_next().await? {
            for batch in file {
                sold.push(rows.select(&restate(&schema, &batch)?, true)?);
            }
        }
        let expected: usize = sold.iter().map(RecordBatch::num_rows).sum();
        let facts = self
            .engine
            .query(
                &self.context.business.localise(tables::FACT_SALES_SQL),
                vec![
                    ("silver_transactions", memory_table(&schema, sold)?),
                    (
                        rates::EXCHANGE_RATES,
                        memory_table(&tables::exchange_rates(), vec![dims.rates.clone()])?,
                    ),
                    (
                        "gold_dim_customer",
                        memory_table(&tables::dim_customer(), vec![dims.customers.clone()])?,
                    ),
                    (
                        "gold_dim_product",
                        memory_table(&tables::dim_product(), vec![dims.products.clone()])?,
                    ),
                ],
                &tables::fact_sales(),
            )
            .await?;
        if facts.num_rows() != expected {
            return Err(Error::internal(
                "the number of facts differs from that of silver transactions",
            )
            .with("transactions", expected)
            .with("facts", facts.num_rows()));
        }
        // Guests have neither, and so have lines that are no product.
        let missing = |name: &str| facts.column_by_name(name).map(|column| column.null_count());
        for (key, id, what) in
            [("customer_key", "customer_id", "customer"), ("product_key", "product_id", "product")]
        {
            if missing(key) != missing(id) {
                return Err(Error::internal(format!("a sale has no version of its {what}")));
            }
        }
        Ok(facts)
    }
}

/// The months that are priced by the same question: at least one each.
fn together(months: Vec<Month>) -> Vec<Vec<Month>> {
    let mut questions: Vec<Vec<Month>> = Vec::new();
    let mut asked = 0;
    for month in months {
        let sales: u64 = month.sold.iter().map(|file| file.rows).sum();
        match questions.last_mut() {
            Some(question) if asked + sales <= SALES_PER_QUESTION => {
                asked += sales;
                question.push(month);
            }
            _ => {
                asked = sales;
                questions.push(vec![month]);
            }
        }
    }
    questions
}

fn day_numbers<'a>(dates: impl IntoIterator<Item = &'a NaiveDate>) -> Arc<HashSet<i32>> {
    Arc::new(dates.into_iter().map(|date| days::number(*date)).collect())
}

/// Facts as the months they belong to, each in its order.
fn by_month(facts: &RecordBatch, months: Vec<Month>) -> Result<Vec<(RecordBatch, Month)>> {
    let order = order(facts, &ORDER)?;
    let dates = facts.column_by_name(tables::EVENT_DATE);
    let dates = dates.and_then(|dates| dates.as_primitive_opt::<Date32Type>());
    let dates = dates.ok_or_else(|| Error::internal("facts have no dates"))?.values();
    let upto = |day: i32| order.values().partition_point(|row| dates[*row as usize] < day);
    let of_month = |month: Month| {
        let places = match days_of_month(&month.partition) {
            Some(days) => upto(days::number(days.first))..upto(days::number(days.last) + 1),
            // Files of a partition of another kind go.
            None => 0..0,
        };
        Ok((taken(facts, &order.slice(places.start, places.len()))?, month))
    };
    let all = months.into_iter().map(of_month).collect::<Result<Vec<_>>>()?;
    let placed: usize = all.iter().map(|(facts, _)| facts.num_rows()).sum();
    if placed != facts.num_rows() {
        return Err(Error::internal("a fact is in none of the months that were computed")
            .with("facts", facts.num_rows())
            .with("placed", placed));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(number: u32, sales: &[u64]) -> Month {
        let file = |rows: &u64| FileEntry {
            key: format!("{number}-{rows}"),
            bytes: 0,
            rows: *rows,
            sha256: String::new(),
            days: None,
        };
        let sold = sales.iter().map(file).collect();
        Month { partition: format!("month=2026-{number:02}"), dates: BTreeSet::new(), sold }
    }

    #[test]
    fn months_share_a_question_until_it_has_enough_sales() {
        let half = SALES_PER_QUESTION / 2;
        let months = vec![
            month(1, &[half, half]),
            month(2, &[half]),
            month(3, &[half]),
            month(4, &[]),
            month(5, &[1]),
            month(6, &[3 * half]),
            month(7, &[1]),
        ];
        let sizes: Vec<usize> = together(months).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 3, 1, 1, 1]);
        assert!(together(Vec::new()).is_empty());
    }
}
