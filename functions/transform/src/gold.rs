//! The gold tables in the lake: only the touched part is computed, and a table that comes out the
//! same is not written.
//!
//! A touched date, week or month is replaced as a whole by what silver and the dimensions say
//! now, and files hold their rows sorted by key. So it makes no difference to a single byte
//! whether a table was built in many steps or at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use shopflow_core::contract::GoldTable;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, keys};
use shopflow_lake::parquet::{self, blocking};
use shopflow_lake::{FileEntry, Table};
use shopflow_postgres::Client;

use crate::cache::{Bucket, FileCache};
use crate::engine::{Engine, conform, memory_table};
use crate::files::{LazyFiles, Rows};
use crate::sessions::SessionChange;
use crate::silver::COMMIT_ATTEMPTS;
use crate::tables::{self, AGGREGATES, Aggregate, Input};
use crate::{Context, days, dimensions};

/// What has to be recomputed.
#[derive(Debug, Default)]
pub struct Update {
    /// Event dates of sales.
    pub dates: BTreeSet<NaiveDate>,
    /// Event dates of clicks.
    pub click_dates: BTreeSet<NaiveDate>,
    /// The dimensions changed.
    pub dimensions: bool,
    /// Nothing of the tables stays as it is.
    pub full: bool,
}

/// The recomputed rows of an aggregate, to be published.
#[derive(Debug)]
pub struct Change {
    pub aggregate: &'static Aggregate,
    /// Keys (days since the epoch) of the touched periods; empty for a table over the whole history.
    pub periods: HashSet<i32>,
    pub rows: RecordBatch,
}

/// Everything that was recomputed.
#[derive(Debug, Default)]
pub struct Refreshed {
    pub aggregates: Vec<Change>,
    pub sessions: Option<SessionChange>,
}

/// Recomputes what `update` names, and the sessions that `ops.dirty_sessions` names.
///
/// # Errors
/// `Transient.*`, or `Internal` when a sale has no version of its customer or product.
pub fn refresh<'a>(
    context: &'a Context,
    client: &'a Client,
    cache: &'a FileCache,
    update: &'a Update,
) -> BoxFuture<'a, Result<Refreshed>> {
    refresh_all(context, client, cache, update).boxed()
}

async fn refresh_all(
    context: &Context,
    client: &Client,
    cache: &FileCache,
    update: &Update,
) -> Result<Refreshed> {
    let engine = Engine::new(context.memory_bytes / 4 * 3);
    let refresh = Refresh { context, engine, cache, update };
    let (customers, products) =
        futures::try_join!(dimensions::customers(client), dimensions::products(client))?;
    let dims = Dimensions { customers, products };
    let write_dimensions = async {
        if update.dimensions {
            futures::try_join!(
                refresh.replace(tables::DIM_CUSTOMER, &dims.customers),
                refresh.replace(tables::DIM_PRODUCT, &dims.products)
            )?;
        }
        Ok(())
    };
    let ((), facts, sessions) = futures::try_join!(
        write_dimensions,
        refresh.facts(&dims).boxed(),
        refresh.sessions(client, &dims.customers).boxed()
    )?;
    let changed = |input: &Input| match input {
        Input::FactSales => update.full || !update.dates.is_empty(),
        Input::FactSessions => sessions.is_some(),
        Input::DimCustomer | Input::DimProduct => update.dimensions,
    };
    let outdated = AGGREGATES.iter().filter(|table| table.reads.iter().any(changed));
    let aggregates = outdated.map(|table| refresh.aggregate(table, &facts, &dims).boxed());
    let mut aggregates = futures::future::try_join_all(aggregates).await?;
    let (sales, clicks) = (changed(&Input::FactSales), changed(&Input::FactSessions));
    aggregates.extend(refresh.models(&facts, sales, clicks).boxed().await?);
    Ok(Refreshed { aggregates, sessions })
}

/// Rows of each gold table as its manifest says.
///
/// # Errors
/// `Transient.Storage`.
pub async fn row_counts(context: &Context) -> Result<Vec<GoldTable>> {
    let counts = tables::all().map(|name| {
        async move {
            let table =
                Table::open(&context.storage, &context.lake, &keys::gold_table(name)).await?;
            Ok(GoldTable { table: name.to_owned(), rows: table.manifest().rows() })
        }
        .boxed()
    });
    futures::future::try_join_all(counts).await
}

/// Both dimensions as they are now.
pub(crate) struct Dimensions {
    pub customers: RecordBatch,
    pub products: RecordBatch,
}

/// The work on the gold tables; [`crate::facts`], [`crate::sessions`] and [`crate::modelled`] have
/// the parts about theirs.
pub(crate) struct Refresh<'a> {
    pub context: &'a Context,
    pub engine: Engine,
    pub cache: &'a FileCache,
    pub update: &'a Update,
}

impl Refresh<'_> {
    pub async fn open(&self, table: &str) -> Result<Table> {
        Table::open(&self.context.storage, &self.context.lake, &keys::gold_table(table)).await
    }

    async fn aggregate(
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
        let everything = aggregate.period.is_none() || self.update.full;
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
        let rows = self.engine.query(aggregate.sql, inputs, &aggregate.schema).await?;
        if everything {
            self.replace(aggregate.name, &rows).await?;
        } else {
            self.merge_periods(aggregate, &touched, &rows).await?;
        }
        Ok(Change { aggregate, periods: touched, rows })
    }

    /// Some partitions of a table, read while a question runs.
    pub fn lazy(
        &self,
        table: &Table,
        schema: SchemaRef,
        rows: Rows,
        wanted: impl Fn(&String) -> bool,
    ) -> LazyFiles {
        let partitions = table.manifest().partitions.iter();
        let files =
            partitions.filter(|(name, _)| wanted(name)).flat_map(|(_, files)| files.clone());
        LazyFiles {
            origin: Bucket::origin(&self.context.storage, &self.context.lake),
            cache: self.cache.clone(),
            schema,
            files: files.collect(),
            rows,
        }
    }

    /// Replaces the rows of the touched periods, keeps the others.
    async fn merge_periods(
        &self,
        aggregate: &'static Aggregate,
        touched: &HashSet<i32>,
        rows: &RecordBatch,
    ) -> Result<()> {
        let outdated = Rows::OfDays(aggregate.key(), Arc::new(touched.clone()));
        for _ in 0..COMMIT_ATTEMPTS {
            let mut table = self.open(aggregate.name).await?;
            let present: Vec<FileEntry> = table.manifest().files().cloned().collect();
            let mut parts = Vec::new();
            for file in &present {
                for batch in self.read(&table, file, &aggregate.schema).await? {
                    parts.push(outdated.select(&batch, false)?);
                }
            }
            parts.push(rows.clone());
            let merged = sorted(&conform(&aggregate.schema, &parts)?, &[aggregate.key()])?;
            if self.commit_whole(&mut table, &present, merged).await? {
                return Ok(());
            }
        }
        Err(self.open(aggregate.name).await?.conflict())
    }

    /// Makes `rows` the content of an unpartitioned table.
    pub async fn replace(&self, name: &str, rows: &RecordBatch) -> Result<()> {
        for _ in 0..COMMIT_ATTEMPTS {
            let mut table = self.open(name).await?;
            let present: Vec<FileEntry> = table.manifest().files().cloned().collect();
            if self.commit_whole(&mut table, &present, rows.clone()).await? {
                return Ok(());
            }
        }
        Err(self.open(name).await?.conflict())
    }

    async fn commit_whole(
        &self,
        table: &mut Table,
        present: &[FileEntry],
        rows: RecordBatch,
    ) -> Result<bool> {
        match self.write_if_new(table, "", present, rows).await? {
            Some(files) => table.commit(BTreeMap::from([(String::new(), files)])).await,
            None => Ok(true),
        }
    }

    /// Writes the rows as the only file of a partition, unless it is there already.
    pub async fn write_if_new(
        &self,
        table: &Table,
        partition: &str,
        present: &[FileEntry],
        rows: RecordBatch,
    ) -> Result<Option<Vec<FileEntry>>> {
        let count = rows.num_rows() as u64;
        if count == 0 {
            return Ok((!present.is_empty()).then(Vec::new));
        }
        let batches = [rows];
        let encoded = batches.clone();
        let (content, hash) = blocking(move || {
            let content = parquet::encode(encoded[0].schema(), &encoded)?;
            let hash = sha256(&content);
            Ok((content, hash))
        })
        .await?;
        let key = table.file_key(partition, &hash);
        self.cache.put(&key, &batches);
        if matches!(present, [only] if only.key == key) {
            return Ok(None);
        }
        let storage = &self.context.storage;
        let file = parquet::store(storage, table, partition, content, count).await?;
        Ok(Some(vec![file]))
    }

    /// Rows of a file, with the columns of `schema`.
    pub async fn read(
        &self,
        table: &Table,
        file: &FileEntry,
        schema: &SchemaRef,
    ) -> Result<Vec<RecordBatch>> {
        self.cache.read(&self.context.storage, table.bucket(), file, schema).await
    }

    /// Rows of several files, each file's by itself and in order.
    pub fn read_each(
        &self,
        table: &Table,
        files: Vec<FileEntry>,
        schema: &SchemaRef,
    ) -> BoxStream<'static, Result<Vec<RecordBatch>>> {
        self.cache.read_each(&self.context.storage, table.bucket(), files, schema).boxed()
    }
}

fn sha256(content: &[u8]) -> String {
    use std::fmt::Write as _;

    use sha2::{Digest, Sha256};
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Sorts rows by key columns.
pub(crate) fn sorted(rows: &RecordBatch, keys: &[&str]) -> Result<RecordBatch> {
    let columns = keys
        .iter()
        .map(|key| {
            let values = rows.column_by_name(key).cloned();
            values.map(|values| SortColumn { values, options: None })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::internal("key column of a gold table is missing"))?;
    let order = lexsort_to_indices(&columns, None)
        .or_error(ErrorKind::Internal, "sort of a gold table failed")?;
    take_record_batch(rows, &order).or_error(ErrorKind::Internal, "sort of a gold table failed")
}
