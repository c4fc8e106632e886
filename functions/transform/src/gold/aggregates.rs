//! The aggregates that a question answers: the touched periods of some, others as a whole.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use shopflow_core::Result;
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table};
use shopflow_query::Rows;
use shopflow_query::batches::{conform, sorted};
use shopflow_query::engine::memory_table;

use super::refresh::{Change, Dimensions, Refresh};
use super::tables::{self, Aggregate, Input};
use crate::days;

impl Refresh<'_> {
    /// Computes what has changed of an aggregate, and writes it.
    pub async fn aggregate(
        &self,
        aggregate: &'static Aggregate,
        facts: &Table,
        dims: &Dimensions,
    ) -> Result<Change> {
        let mut touched = HashSet::new();
        let mut days_of_touched = HashSet::new();
        let mut months = BTreeSet::new();
        if let Some(period) = aggregate.period {
            let dates = self.update.dates.iter();
            let starts: BTreeSet<NaiveDate> = dates
                .flat_map(|date| days::each(self.context.business.dates_of(*date)))
                .map(|date| period.start(date))
                .collect();
            for start in starts {
                touched.insert(days::number(start));
                for day in period.days(start) {
                    days_of_touched.insert(days::number(day));
                    // A business date has parts of the UTC dates around it.
                    let around = [day.pred_opt(), Some(day), day.succ_opt()];
                    months.extend(around.into_iter().flatten().map(days::month_partition));
                }
            }
        }
        // One that was never published, such as one of a new release, may not be there at all.
        let everything = aggregate.period.is_none()
            || self.update.full
            || !self.update.published.0.contains_key(aggregate.name);
        let rows = if everything {
            Rows::All
        } else {
            Rows::OfDays(tables::BUSINESS_DATE, Arc::new(days_of_touched))
        };
        let wanted = |month: &String| everything || months.contains(month);
        let mut inputs = Vec::new();
        for input in aggregate.reads {
            let table = match input {
                Input::FactSales => {
                    self.lazy(facts, tables::fact_sales(), rows.clone(), wanted).into_table()
                }
                Input::FactSessions => {
                    let sessions = self.open(tables::FACT_SESSIONS).await?;
                    self.lazy(&sessions, tables::fact_sessions(), Rows::All, |_| true).into_table()
                }
                Input::DimCustomer => {
                    memory_table(&tables::dim_customer(), vec![dims.customers.clone()])?
                }
                Input::DimProduct => {
                    memory_table(&tables::dim_product(), vec![dims.products.clone()])?
                }
            };
            inputs.push((input.name(), table));
        }
        let sql = self.context.business.localise(aggregate.sql);
        let rows = self.engine.query(&sql, inputs, &aggregate.schema).await?;
        if everything {
            self.change(aggregate, rows).await
        } else {
            self.merge_periods(aggregate, touched, &rows).await
        }
    }

    /// Replaces the rows of the touched periods, keeps the others.
    async fn merge_periods(
        &self,
        aggregate: &'static Aggregate,
        touched: HashSet<i32>,
        rows: &RecordBatch,
    ) -> Result<Change> {
        let outdated = Rows::OfDays(aggregate.key(), Arc::new(touched));
        for _ in 0..COMMIT_ATTEMPTS {
            let table = self.open(aggregate.name).await?;
            let present: Vec<FileEntry> = table.manifest().files().cloned().collect();
            let mut parts = Vec::new();
            for file in &present {
                for batch in self.read(&table, file, &aggregate.schema).await? {
                    parts.push(outdated.select(&batch, false)?);
                }
            }
            parts.push(rows.clone());
            let merged = sorted(&conform(&aggregate.schema, &parts)?, &[aggregate.key()])?;
            if let Some(change) = self.commit_change(table, aggregate, merged).await? {
                return Ok(change);
            }
        }
        Err(self.open(aggregate.name).await?.conflict())
    }
}
