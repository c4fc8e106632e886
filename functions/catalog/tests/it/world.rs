//! A lake of a few rows and a catalog with databases of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use aws_sdk_glue::types::{Partition, Table as GlueTable, TableInput};
use shopflow_catalog::{Context, handle};
use shopflow_core::contract::{CatalogEvent, CatalogResult, CatalogTable, Run};
use shopflow_core::privacy::Privacy;
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, Settings, Storage};
use shopflow_lake::parquet::{encode, write_batches};
use shopflow_lake::{Table, schema};

pub struct World {
    pub storage: Storage,
    pub bucket: String,
    pub glue: aws_sdk_glue::Client,
    pub prefix: String,
    pub context: Context,
    pub invocation: Invocation,
}

pub fn event() -> CatalogEvent {
    let run_date = chrono::NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
    CatalogEvent { run: Run { run_id: "test".to_owned(), run_date } }
}

impl World {
    pub async fn new() -> World {
        let storage = shopflow_testkit::storage().await;
        let bucket = shopflow_testkit::bucket(&storage, "lake").await;
        let aws = shopflow_testkit::aws().await;
        let prefix = shopflow_testkit::unique("shopflow").replace('-', "_");
        let context = Context::with(storage.clone(), &bucket, &aws, &prefix, privacy());
        let invocation = Invocation::detached(&aws, "catalog");
        let glue = aws_sdk_glue::Client::new(&aws);
        World { storage, bucket, glue, prefix, context, invocation }
    }

    pub async fn catalog(&self) -> CatalogResult {
        handle(&self.context, event(), &self.invocation).await.unwrap()
    }

    /// The name of the database of a layer.
    pub fn database(&self, layer: &str) -> String {
        format!("{}_{layer}", self.prefix)
    }

    /// A file in a day of bronze.
    pub async fn bronze(&self, dataset: Dataset, day: &str, rows: i64) {
        let batch = rows_of(&schema::bronze(dataset), rows);
        let content = encode(batch.schema(), &[batch]).unwrap();
        let key = format!("bronze/{dataset}/ingest_date={day}/run-00000.parquet");
        self.storage.write_all(&self.bucket, &key, "x", content).await.unwrap();
    }

    /// Makes a file of `rows` the content of a partition of a table with a manifest; none for no
    /// rows.
    pub async fn put(&self, table: &str, partition: &str, schema: &SchemaRef, rows: i64) {
        let mut table = Table::open(&self.storage, &self.bucket, table).await.unwrap();
        let batch = rows_of(schema, rows);
        let file = write_batches(&self.storage, &table, partition, &[batch]).await.unwrap();
        let files = file.into_iter().collect();
        let changes = BTreeMap::from([(partition.to_owned(), files)]);
        assert!(table.commit(changes).await.unwrap());
    }

    /// Deletes everything below a prefix.
    pub async fn remove(&self, prefix: &str) {
        let asked = self.storage.client().list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let found = asked.send().await.unwrap();
        let keys: Vec<String> =
            found.contents().iter().map(|object| object.key().unwrap().to_owned()).collect();
        self.storage.delete(&self.bucket, &keys).await.unwrap();
    }

    /// The catalog's table.
    pub async fn table(&self, layer: &str, name: &str) -> GlueTable {
        let asked = self.glue.get_table().database_name(self.database(layer)).name(name);
        asked.send().await.unwrap().table.unwrap()
    }

    pub async fn partitions(&self, layer: &str, table: &str) -> Vec<Partition> {
        let asked = self.glue.get_partitions().database_name(self.database(layer));
        let found = asked.table_name(table).send().await.unwrap().partitions.unwrap_or_default();
        let mut found = found;
        found.sort_by(|a, b| a.values().cmp(b.values()));
        found
    }

    /// Changes a table behind the function's back.
    pub async fn tamper(&self, layer: &str, name: &str, change: impl FnOnce(&mut GlueTable)) {
        let mut table = self.table(layer, name).await;
        change(&mut table);
        let input = TableInput::builder()
            .name(name)
            .set_description(table.description)
            .set_table_type(table.table_type)
            .set_parameters(table.parameters)
            .set_partition_keys(table.partition_keys)
            .set_storage_descriptor(table.storage_descriptor)
            .build()
            .unwrap();
        let asked = self.glue.update_table().database_name(self.database(layer));
        asked.table_input(input).send().await.unwrap();
    }
}

/// A gold table of its own, with a column that is classified by its name.
pub fn gold(extra: &[&str]) -> SchemaRef {
    let mut fields = vec![
        Field::new("customer_id", DataType::Int64, true),
        Field::new("revenue", DataType::Decimal128(18, 2), true),
    ];
    fields.extend(extra.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
    Arc::new(Schema::new(fields))
}

/// Numbers count up, text says the same; everything else is null or the type's zero.
fn rows_of(schema: &SchemaRef, rows: i64) -> RecordBatch {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.data_type() {
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(1..=rows)),
            DataType::Utf8 => {
                Arc::new(StringArray::from_iter_values((1..=rows).map(|row| row.to_string())))
            }
            other => new_null_array(other, rows as usize),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// The entry of a table in a result; `name` without the prefix of the databases.
pub fn entry(world: &World, result: &CatalogResult, name: &str) -> CatalogTable {
    let name = format!("{}_{name}", world.prefix);
    let found = result.tables.iter().find(|table| table.table == name);
    found.unwrap_or_else(|| panic!("no {name} in {result:#?}")).clone()
}

/// The policies of production.
pub fn privacy() -> Privacy {
    Settings::from_sources("prod", Default::default(), &[]).unwrap().privacy
}
