//! What every refresh of a gold table needs: reading, and replacing what came out differently.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::NaiveDate;
use futures::StreamExt;
use futures::stream::BoxStream;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, keys};
use shopflow_lake::parquet::{self, blocking};
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table};
use shopflow_postgres::dimensions::Star;
use shopflow_postgres::{Client, PgResultExt};
use shopflow_query::batches::conform;
use shopflow_query::origin::Bucket;
use shopflow_query::{Engine, FileCache, LazyFiles, Rows};

use super::tables::{self, Aggregate};
use super::{dimensions, rates};
use crate::context::Context;

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
    /// What the warehouse has of each aggregate.
    pub published: Published,
}

/// Which content of each aggregate its copy in the warehouse has (`ops.publications`), by name.
#[derive(Debug, Clone, Default)]
pub struct Published(pub HashMap<String, Content>);

impl Published {
    /// Reads it.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn read(client: &Client) -> Result<Published> {
        let sql = "SELECT table_name, content FROM ops.publications";
        let rows = client.query(sql, &[]).await.or_db("read what is published")?;
        let known = rows.iter().map(|row| (row.get(0), Content(row.get(1))));
        Ok(Published(known.collect()))
    }
}

/// An aggregate that was computed again, to be published.
#[derive(Debug)]
pub struct Change {
    pub aggregate: &'static Aggregate,
    /// The whole table, those of its rows included that were not touched.
    pub rows: RecordBatch,
    /// What its file holds now.
    pub content: Content,
    /// What its file held before, if that was something else and could be read.
    pub former: Option<(Content, RecordBatch)>,
}

/// Which rows an unpartitioned table has: the key of its file, whose name comes from its content;
/// empty for a table without rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Content(pub String);

impl Content {
    fn of(table: &Table) -> Content {
        let keys: Vec<&str> = table.manifest().files().map(|file| file.key.as_str()).collect();
        Content(keys.join(" "))
    }
}

/// The dimensions as they are now, and the rates of the dates that are computed.
pub(crate) struct Dimensions {
    /// All of them, each with what it is.
    pub all: Vec<(Star, RecordBatch)>,
    /// The two that facts refer to.
    pub customers: RecordBatch,
    pub products: RecordBatch,
    pub rates: RecordBatch,
}

impl Dimensions {
    /// Reads them; the rates only if there are dates, for which the warehouse has looked them up.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn read(client: &Client, update: &Update) -> Result<Dimensions> {
        let reads = shopflow_postgres::dimensions::all().into_iter().map(|star| async move {
            let rows = dimensions::read(client, &star).await?;
            Ok::<_, Error>((star, rows))
        });
        let all = futures::future::try_join_all(reads).await?;
        let rates = match update.dates.is_empty() {
            true => RecordBatch::new_empty(tables::exchange_rates()),
            false => rates::read(client).await?,
        };
        let of = |dataset: Dataset| {
            let found = all.iter().find(|(star, _)| star.dataset == dataset);
            found
                .map(|(_, rows)| rows.clone())
                .ok_or_else(|| Error::internal("dataset has no dimension").with("dataset", dataset))
        };
        let (customers, products) = (of(Dataset::Customers)?, of(Dataset::Products)?);
        Ok(Dimensions { all, customers, products, rates })
    }
}

/// The work on the gold tables; [`super::aggregates`], [`super::facts`],
/// [`super::sessions`] and [`super::modelled`] have the parts about theirs.
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
        self.lazy_files(files.collect(), schema, rows)
    }

    /// Some files, read while a question runs.
    pub fn lazy_files(&self, files: Vec<FileEntry>, schema: SchemaRef, rows: Rows) -> LazyFiles {
        LazyFiles {
            origin: Bucket::origin(&self.context.storage, &self.context.lake),
            cache: self.cache.clone(),
            schema,
            files,
            rows,
        }
    }

    /// Makes `rows` the content of an unpartitioned table.
    pub async fn replace(&self, name: &str, rows: &RecordBatch) -> Result<()> {
        for _ in 0..COMMIT_ATTEMPTS {
            let mut table = self.open(name).await?;
            let present: Vec<FileEntry> = table.manifest().files().cloned().collect();
            let Some(files) = self.write_if_new(&table, "", &present, rows.clone()).await? else {
                return Ok(());
            };
            if table.commit(BTreeMap::from([(String::new(), files)])).await? {
                return Ok(());
            }
        }
        Err(self.open(name).await?.conflict())
    }

    /// Makes `rows` the content of an aggregate.
    ///
    /// # Errors
    /// `Transient.Storage`.
    pub async fn change(&self, aggregate: &'static Aggregate, rows: RecordBatch) -> Result<Change> {
        for _ in 0..COMMIT_ATTEMPTS {
            let table = self.open(aggregate.name).await?;
            if let Some(change) = self.commit_change(table, aggregate, rows.clone()).await? {
                return Ok(change);
            }
        }
        Err(self.open(aggregate.name).await?.conflict())
    }

    /// Makes `rows` the content of an aggregate as it was opened; `None` when another writer was
    /// faster.
    ///
    /// # Errors
    /// `Transient.Storage`.
    pub async fn commit_change(
        &self,
        mut table: Table,
        aggregate: &'static Aggregate,
        rows: RecordBatch,
    ) -> Result<Option<Change>> {
        let before = Content::of(&table);
        let present: Vec<FileEntry> = table.manifest().files().cloned().collect();
        let written = self.write_if_new(&table, "", &present, rows.clone()).await?;
        let Some(files) = written else {
            return Ok(Some(Change { aggregate, rows, content: before, former: None }));
        };
        // Read now: the commit removes them.
        let former = match self.read_all(&table, &present, &aggregate.schema).await {
            Ok(former) => Some((before, former)),
            // A file of an earlier release may lack a column.
            Err(error) => {
                tracing::info!(table = aggregate.name, %error, "former rows cannot be compared");
                None
            }
        };
        if !table.commit(BTreeMap::from([(String::new(), files)])).await? {
            return Ok(None);
        }
        Ok(Some(Change { aggregate, rows, content: Content::of(&table), former }))
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

    /// Rows of several files in one batch.
    pub async fn read_all(
        &self,
        table: &Table,
        files: &[FileEntry],
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let mut batches = Vec::new();
        for file in files {
            batches.extend(self.read(table, file, schema).await?);
        }
        conform(schema, &batches)
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

/// Some columns of a table, in the order of the table.
pub(super) fn only(schema: &SchemaRef, names: &[&str]) -> Result<SchemaRef> {
    let places = names.iter().map(|name| schema.index_of(name));
    let mut places = places
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "column of a table is missing")?;
    places.sort_unstable();
    let fields: Vec<_> = places.into_iter().map(|place| schema.field(place).clone()).collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// The column of silver that says when an event of a dataset happened.
pub(super) fn event_time(dataset: Dataset) -> Result<&'static str> {
    let column = dataset.event_time_column().map(|column| column.name);
    column.ok_or_else(|| Error::internal("dataset has no events").with("dataset", dataset))
}

fn sha256(content: &[u8]) -> String {
    use std::fmt::Write as _;

    use sha2::{Digest, Sha256};
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
