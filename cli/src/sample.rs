//! A generated shop straight in the warehouse, without the pipeline: the ground for query plans and
//! for the golden answers. The same files through the pipeline end in the same answers, which the
//! end-to-end tests check.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use chrono::NaiveDate;
use futures::SinkExt;
use shopflow_core::contract::GenerateSpec;
use shopflow_core::{Dataset, Error, ErrorKind, Result};
use tokio_postgres::Client;

use crate::local::database;

/// Where the files go first.
const TABLES: &str = include_str!("sample/tables.sql");
/// From there to the warehouse.
const FILL: &str = include_str!("sample/fill.sql");
/// Bytes per message of a COPY.
const CHUNK: usize = 1 << 18;

/// Generates the shop of `spec` as of `run_date` and fills the warehouse of an empty, migrated
/// database with it. The spec must plant no defects: nothing is validated here.
///
/// # Errors
/// `InvalidInput` when the spec is wrong; otherwise when Postgres refuses.
pub async fn fill(client: &Client, run_date: NaiveDate, spec: &GenerateSpec) -> Result<()> {
    if spec.defect_rate > 0.0 {
        return Err(Error::invalid("a sample must not have defects").hint("set defect_rate to 0"));
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
    execute(client, TABLES).await?;
    for (dataset, file) in Dataset::ALL.into_iter().zip(&written.files) {
        copy(client, dataset, &file.path).await.map_err(|error| error.with("dataset", dataset))?;
    }
    execute(client, FILL).await
}

async fn copy(client: &Client, dataset: Dataset, path: &Path) -> Result<()> {
    let format = match dataset {
        // JSON holds neither of these characters as they are.
        Dataset::Clickstream => "FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'",
        _ => "FORMAT csv, HEADER match",
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
