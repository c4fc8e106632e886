//! `fact_sales` in the lake: the months of touched dates, priced and converted as of the sale.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use chrono::NaiveDate;
use futures::{FutureExt, StreamExt, TryStreamExt};
use shopflow_core::{Dataset, Error, ErrorKind, Result, keys};
use shopflow_lake::parquet::blocking;
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table};
use shopflow_query::Rows;
use shopflow_query::batches::{conform, restate, sorted};
use shopflow_query::engine::memory_table;

use super::refresh::{Dimensions, Refresh, event_time, only};
use super::{rates, tables};
use crate::days;

/// Months that are computed at the same time.
const CONCURRENT_MONTHS: usize = 2;

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
        let mut months: BTreeMap<String, BTreeSet<NaiveDate>> = BTreeMap::new();
        if self.update.full {
            let (sold, known) = (silver.manifest(), table.manifest());
            let all = sold.partitions.keys().chain(known.partitions.keys());
            months.extend(all.map(|month| (month.clone(), BTreeSet::new())));
        }
        for date in &self.update.dates {
            months.entry(days::month_partition(*date)).or_default().insert(*date);
        }
        let done: Vec<Option<(String, Vec<FileEntry>)>> = futures::stream::iter(months)
            .map(|(month, dates)| {
                async move {
                    let files = self.fact_month(silver, table, dims, &month, &dates).await?;
                    Ok::<_, Error>(files.map(|files| (month, files)))
                }
                .boxed()
            })
            .buffer_unordered(CONCURRENT_MONTHS)
            .try_collect()
            .await?;
        Ok(done.into_iter().flatten().collect())
    }

    /// One month of facts; `None` when it stays as it is.
    async fn fact_month(
        &self,
        silver: &Table,
        table: &Table,
        dims: &Dimensions,
        month: &str,
        dates: &BTreeSet<NaiveDate>,
    ) -> Result<Option<Vec<FileEntry>>> {
        let schema = tables::fact_sales();
        let present = table.manifest().partitions.get(month).cloned().unwrap_or_default();
        let mut parts = Vec::new();
        let (files, sold) = if self.update.full {
            let files = silver.manifest().partitions.get(month).cloned().unwrap_or_default();
            (files, Rows::All)
        } else {
            let touched = Arc::new(dates.iter().map(|date| days::number(*date)).collect());
            let outdated = Rows::OfDays(tables::EVENT_DATE, Arc::clone(&touched));
            for file in &present {
                for batch in self.read(table, file, &schema).await? {
                    parts.push(outdated.select(&batch, false)?);
                }
            }
            let sold_at = event_time(Dataset::Transactions)?;
            (silver.manifest().files_of_days(dates), Rows::OfDays(sold_at, touched))
        };
        parts.push(self.sell(silver, dims, files, &sold).await?);
        let rows = blocking(move || {
            let rows = conform(&schema, &parts)?;
            sorted(&rows, &[tables::EVENT_DATE, "transaction_id"])
        })
        .await?;
        self.write_if_new(table, month, &present, rows).await
    }

    /// The facts of some rows of silver.
    async fn sell(
        &self,
        silver: &Table,
        dims: &Dimensions,
        files: Vec<FileEntry>,
        rows: &Rows,
    ) -> Result<RecordBatch> {
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
