//! Gold tables that no query answers well: fitted models, and counts of pairs.
//!
//! They are aggregates like the others, read `fact_sales` and the clicks, and are computed again
//! when one of them has changed. Everything in them follows from the whole history (or its latest
//! days), so any sequence of increments gives the same bytes as one full run.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt, keys};
use shopflow_lake::parquet::blocking;
use shopflow_lake::{FileEntry, Table, schema};
use shopflow_models::baskets::Baskets;
use shopflow_query::Rows;
use shopflow_query::batches::{conform, sorted};

use super::models::recommend::{SalesBaskets, SessionBaskets, Settings};
use super::models::{fits, lifetime, recommend};
use super::refresh::{Change, Refresh};
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
        let mut changes = Vec::new();
        let [fits, predictions, pairs, similarity] = &*MODELLED;
        if sales {
            let modelled = self.customers(facts).await?;
            changes.push(self.keep(fits, modelled.model_fits).await?);
            changes.push(self.keep(predictions, modelled.customer_lifetime_prediction).await?);
        }
        if sales || clicks {
            let memory = self.context.memory_bytes / 8;
            let counted = self.context.recommendations;
            let settings = Settings {
                minimum_baskets: counted.minimum_baskets,
                top: counted.top,
                memory: self.context.memory_bytes / 4,
            };
            let baskets = self.baskets(facts, memory).await?;
            let sessions = self.visits(memory, counted.session_days).await?;
            let (of_pairs, similar) = blocking(move || {
                let of_pairs = sales.then(|| recommend::pairs(&baskets, &settings)).transpose()?;
                let sources = [("basket", &baskets), ("session", &sessions)];
                Ok((of_pairs, recommend::similar(&sources, &settings)?))
            })
            .await?;
            if let Some(rows) = of_pairs {
                changes.push(self.keep(pairs, rows).await?);
            }
            changes.push(self.keep(similarity, similar).await?);
        }
        Ok(changes)
    }

    async fn keep(&self, aggregate: &'static Aggregate, rows: RecordBatch) -> Result<Change> {
        self.replace(aggregate.name, &rows).await?;
        Ok(Change { aggregate, periods: HashSet::new(), rows })
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
        let columns = only(&schema::silver(Dataset::Clickstream), &recommend::CLICK_COLUMNS)?;
        let dated = silver.manifest().partitions.iter();
        let dated: Vec<_> = dated
            .filter_map(|(name, files)| {
                days::of_event_date_partition(name).map(|date| (days::number(date), files))
            })
            .collect();
        let first = dated.iter().map(|(date, _)| *date).max().unwrap_or(0) - latest_days as i32 + 1;
        let mut sessions = SessionBaskets::new(memory);
        let latest = dated.into_iter().filter(|(date, _)| *date >= first);
        let (dates, files): (Vec<i32>, Vec<FileEntry>) = latest
            .flat_map(|(date, files)| files.iter().map(move |file| (date, file.clone())))
            .unzip();
        let mut contents =
            futures::stream::iter(dates).zip(self.read_each(&silver, files, &columns));
        while let Some((date, batches)) = contents.next().await {
            let batches = batches?;
            sessions = blocking(move || {
                batches.iter().try_for_each(|batch| sessions.add(date, batch))?;
                Ok(sessions)
            })
            .await?;
        }
        blocking(move || sessions.finish()).await
    }
}

/// Some columns of a table, in the order of the table.
fn only(schema: &SchemaRef, names: &[&str]) -> Result<SchemaRef> {
    let places = names.iter().map(|name| schema.index_of(name));
    let mut places = places
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "column of a table is missing")?;
    places.sort_unstable();
    let fields: Vec<_> = places.into_iter().map(|place| schema.field(place).clone()).collect();
    Ok(Arc::new(Schema::new(fields)))
}
