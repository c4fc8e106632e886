//! Reading the change log as a reader would, and replaying it into empty tables.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use serde_json::{Map, Value};
use shopflow_lake::{Table, parquet::read_file};

use crate::world::World;

#[derive(Debug, Clone)]
pub struct Row {
    pub table: String,
    pub op: String,
    pub commit_lsn: i64,
    pub xid: Option<i64>,
    pub seq: i64,
    pub batch: i64,
    pub before: Option<Map<String, Value>>,
    pub after: Option<Map<String, Value>>,
    pub unchanged: Vec<String>,
}

/// Keys below the change log of a table.
pub async fn keys(world: &World, table: &str) -> Vec<String> {
    let prefix = format!("bronze/_changes/{table}/");
    let mut pages = world
        .storage
        .client()
        .list_objects_v2()
        .bucket(&world.lake)
        .prefix(prefix)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.unwrap().contents().iter().map(|o| o.key().unwrap().to_owned()));
    }
    found
}

/// Every row that the manifests lead to, in the order of the log.
pub async fn read(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in &world.settings.tables {
        let found = keys(world, table).await;
        let days = found.iter().filter_map(|key| key.strip_suffix("/_manifest.json"));
        let mut listed = BTreeSet::new();
        for day in days {
            let manifest = Table::open(&world.storage, &world.lake, day).await.unwrap();
            for file in manifest.manifest().files() {
                listed.insert(file.key.clone());
                let before = rows.len();
                let batches =
                    read_file(&world.storage, &file.reference(&world.lake)).await.unwrap();
                for batch in &batches {
                    decode(table, batch, &mut rows);
                }
                assert_eq!((rows.len() - before) as u64, file.rows, "{}", file.key);
            }
        }
        // Who lists folders instead of reading manifests sees the same files.
        let objects: BTreeSet<String> =
            found.into_iter().filter(|key| key.ends_with(".parquet")).collect();
        assert_eq!(objects, listed, "{table}");
    }
    rows.sort_by_key(|row| (row.commit_lsn, row.seq, row.batch));
    rows
}

fn decode(table: &str, batch: &arrow::array::RecordBatch, rows: &mut Vec<Row>) {
    let number = |name: &str, index: usize| {
        let column = batch.column_by_name(name).unwrap().as_primitive::<Int64Type>();
        column.is_valid(index).then(|| column.value(index))
    };
    let text = |name: &str, index: usize| {
        let column = batch.column_by_name(name).unwrap().as_string::<i32>();
        column.is_valid(index).then(|| column.value(index).to_owned())
    };
    let json = |name: &str, index: usize| -> Option<Map<String, Value>> {
        text(name, index).map(|text| serde_json::from_str(&text).unwrap())
    };
    for index in 0..batch.num_rows() {
        rows.push(Row {
            table: table.to_owned(),
            op: text("op", index).unwrap(),
            commit_lsn: number("commit_lsn", index).unwrap_or_default(),
            xid: number("xid", index),
            seq: number("seq", index).unwrap(),
            batch: number("batch", index).unwrap(),
            before: json("before", index),
            after: json("after", index),
            unchanged: text("unchanged", index)
                .map_or(Vec::new(), |text| serde_json::from_str(&text).unwrap()),
        });
    }
}

/// Every transaction's changes are there once, in order and without a gap. Not for a log that
/// begins within a transaction's reach, where the snapshot holds some.
pub fn assert_complete(rows: &[Row]) {
    let mut transactions: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.seq > 0) {
        transactions.entry(row.commit_lsn).or_default().push(row);
    }
    for (commit_lsn, rows) in transactions {
        let places: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let expected: Vec<i64> = (1..=places.len() as i64).collect();
        assert_eq!(places, expected, "transaction at {commit_lsn}");
        assert!(rows.iter().all(|row| row.xid == rows[0].xid && row.batch == rows[0].batch));
    }
}

fn key(table: &str, row: &Map<String, Value>) -> String {
    let columns: &[&str] = match table {
        "categories" => &["category_id"],
        "suppliers" => &["supplier_id"],
        "payment_methods" => &["payment_method_id"],
        "countries" => &["code"],
        history if history.ends_with("_history") => &["id", "effective_at"],
        _ => &["id"],
    };
    columns.iter().map(|column| format!("{}|", row[*column])).collect()
}

pub type State = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

/// Applies the log strictly: a row is created where none is, and changed or deleted where one is.
/// A change that is missing, doubled or out of order does not get past this.
pub fn replay(rows: &[Row]) -> State {
    let mut state = State::new();
    for row in rows {
        let table = state.entry(row.table.clone()).or_default();
        match row.op.as_str() {
            "s" | "t" => table.clear(),
            "r" | "c" => {
                let after = row.after.clone().unwrap();
                let replaced = table.insert(key(&row.table, &after), after);
                assert!(replaced.is_none(), "created twice: {row:?}");
            }
            "u" => {
                let mut after = row.after.clone().unwrap();
                let old_key = key(&row.table, row.before.as_ref().unwrap_or(&after));
                let old = table.remove(&old_key).unwrap_or_else(|| panic!("unknown: {row:?}"));
                for column in &row.unchanged {
                    after.insert(column.clone(), old[column].clone());
                }
                table.insert(key(&row.table, &after), after);
            }
            "d" => {
                let gone = table.remove(&key(&row.table, row.before.as_ref().unwrap()));
                assert!(gone.is_some(), "deleted twice: {row:?}");
            }
            other => panic!("{other}"),
        }
    }
    state
}

/// Puts a replayed state into empty tables and lets Postgres compare them with the real ones.
pub async fn assert_same(world: &World, state: &State) {
    world.execute("DROP SCHEMA IF EXISTS replay CASCADE; CREATE SCHEMA replay").await;
    for table in &world.settings.tables {
        world.execute(&format!("CREATE TABLE replay.{table} (LIKE core.{table})")).await;
        let rows: Vec<Value> = state
            .get(table)
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|row| Value::Object(row.clone()))
            .collect();
        let insert = format!(
            "INSERT INTO replay.{table} \
             SELECT * FROM jsonb_populate_recordset(NULL::core.{table}, $1::jsonb)"
        );
        world.sql.execute(&insert, &[&Value::Array(rows)]).await.unwrap();
        let difference = format!(
            "SELECT count(*) FROM ((TABLE core.{table} EXCEPT ALL TABLE replay.{table}) UNION ALL \
             (TABLE replay.{table} EXCEPT ALL TABLE core.{table})) AS difference"
        );
        assert_eq!(world.count(&difference).await, 0, "{table}");
    }
}

/// The log is complete, and replayed it is what the tables hold now.
pub async fn assert_true(world: &World) -> Vec<Row> {
    let rows = read(world).await;
    assert_complete(&rows);
    assert_same(world, &replay(&rows)).await;
    let balanced = "SELECT count(*) FROM ops.cdc_files WHERE published_at IS NULL";
    assert_eq!(world.count(balanced).await, 0);
    rows
}
