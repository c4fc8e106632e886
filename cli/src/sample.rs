//! A generated shop straight in the warehouse, without the pipeline: the ground for query plans and
//! for the golden answers. The same files through the pipeline end in the same answers, which the
//! end-to-end tests check.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use chrono::NaiveDate;
use futures::SinkExt;
use shopflow_core::contract::{GenerateSpec, Profile};
use shopflow_core::dataset::{Attribute, Column, Dimension, Format, Kind, Made};
use shopflow_core::{Dataset, Error, ErrorKind, Result};
use shopflow_postgres::dimensions::{self, Star};
use tokio_postgres::Client;

use crate::local::database;

/// From the tables of the files to the facts and what is made of them.
const FILL: &str = include_str!("sample/fill.sql");
/// The answers about all sales and visits.
const ANSWERS: &str = include_str!("sample/answers.sql");
/// Bytes per message of a COPY.
const CHUNK: usize = 1 << 18;

/// Generates the shop of `spec` as of `run_date` and fills the warehouse of an empty, migrated
/// database with it. The spec must plant no defects, since nothing is validated here, and have the
/// usual profile.
///
/// # Errors
/// `InvalidInput` when the spec is wrong; otherwise when Postgres refuses.
pub async fn fill(client: &Client, run_date: NaiveDate, spec: &GenerateSpec) -> Result<()> {
    if spec.defect_rate > 0.0 {
        return Err(Error::invalid("a sample must not have defects").hint("set defect_rate to 0"));
    }
    if spec.profile != Profile::Usual {
        return Err(Error::invalid("a sample has usual sales only").hint("set profile to usual"));
    }
    let folder = std::env::temp_dir().join(format!("shopflow-{}", uuid::Uuid::new_v4().simple()));
    let outcome = fill_from(client, &folder, run_date, spec).await;
    // Nothing is there when the generation failed.
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

async fn fill_from(
    client: &Client,
    folder: &Path,
    run_date: NaiveDate,
    spec: &GenerateSpec,
) -> Result<()> {
    let written = shopflow_generate::write_to_dir(folder, run_date, spec)?;
    for dataset in shopflow_generate::DATASETS {
        execute(client, &table(dataset)).await?;
    }
    for (dataset, file) in shopflow_generate::DATASETS.into_iter().zip(&written.files) {
        copy(client, dataset, &file.path).await.map_err(|error| error.with("dataset", dataset))?;
    }
    let dimensions: String = dimensions::all().iter().map(dimension).collect();
    execute(client, &format!("BEGIN; {dimensions} {FILL} {ANSWERS} COMMIT; ANALYZE")).await
}

/// The columns of a sample file that `core` and its dimensions know.
fn columns(dataset: Dataset) -> impl Iterator<Item = &'static Column> {
    dataset.columns().iter().filter(|column| column.is_usual())
}

/// Where a file goes first: a table that lives as long as the connection.
fn table(dataset: Dataset) -> String {
    let columns = match dataset.format() {
        Format::JsonLines => "event jsonb".to_owned(),
        Format::Csv => {
            let column = |it: &Column| format!("\"{}\" {}", it.name, sql_type(it.kind));
            columns(dataset).map(column).collect::<Vec<_>>().join(", ")
        }
    };
    format!("CREATE TEMPORARY TABLE sample_{dataset} ({columns})")
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Reference(_) => "bigint",
        Kind::Quantity | Kind::Units => "integer",
        Kind::Date => "date",
        Kind::Timestamp => "timestamptz",
        Kind::Price => "numeric(10, 2)",
        Kind::Amount | Kind::Discount | Kind::Money => "numeric(12, 4)",
        Kind::Rate => "numeric(18, 8)",
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => "text",
    }
}

/// A generated shop has one version of every entity, so its dimensions are simple.
fn dimension(star: &Star) -> String {
    if !shopflow_generate::DATASETS.contains(&star.dataset) {
        return String::new();
    }
    let Dimension { table, id, .. } = star.dimension;
    let is_there = |it: &&Attribute| columns(star.dataset).any(|column| column.name == it.column);
    let attributes: Vec<_> = star.attributes().filter(is_there).collect();
    let value = |it: &&Attribute| match it.made {
        Made::Copied => it.column.to_owned(),
        Made::Domain => format!("lower(split_part({}, '@', -1))", it.column),
    };
    let names: Vec<&str> = attributes.iter().map(|it| it.name).collect();
    let values: Vec<String> = attributes.iter().map(value).collect();
    format!(
        "INSERT INTO warehouse.{table} ({id}, {}, is_inferred, valid_from, valid_to, is_current, \
             row_hash) \
         SELECT id, {}, false, '-infinity', 'infinity', true, '' FROM sample_{} ORDER BY id;",
        names.join(", "),
        values.join(", "),
        star.dataset
    )
}

async fn copy(client: &Client, dataset: Dataset, path: &Path) -> Result<()> {
    let format = match dataset.format() {
        // JSON holds neither of these characters as they are.
        Format::JsonLines => "FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'",
        Format::Csv => "FORMAT csv, HEADER match",
    };
    let refused = |error| database::refused(ErrorKind::Internal, "copy sample", error);
    let sql = format!("COPY sample_{dataset} FROM STDIN ({format})");
    let sink = client.copy_in::<_, Bytes>(&sql).await.map_err(refused)?;
    futures::pin_mut!(sink);
    let unreadable = |error: std::io::Error| Error::invalid("read sample failed").because(error);
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).map_err(unreadable)?;
        if chunk.is_empty() {
            break;
        }
        sink.send(Bytes::from(chunk)).await.map_err(refused)?;
    }
    sink.finish().await.map_err(refused)?;
    Ok(())
}

async fn execute(client: &Client, sql: &str) -> Result<()> {
    client
        .batch_execute(sql)
        .await
        .map_err(|error| database::refused(ErrorKind::Internal, "fill sample", error))
}
