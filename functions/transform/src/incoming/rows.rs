//! The rows of bronze files that wait for silver: treated, one winner per key, by day.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use arrow::array::RecordBatch;
use futures::{FutureExt, StreamExt, TryStreamExt};
use shopflow_core::{Dataset, Error, ObjectRef, Result};
use shopflow_lake::parquet::{self, blocking};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use super::order::{self, Columns, Key};
use super::pending::Pending;
use crate::context::Context;
use crate::days;

/// Ids per question to `core.transactions`.
const IDS_PER_QUERY: usize = 200_000;

/// Where a row is: number of the batch, number of the row.
pub type RowRef = (usize, usize);

/// The rows of a dataset that wait.
#[derive(Debug)]
pub struct Incoming {
    pub dataset: Dataset,
    pub batches: Vec<RecordBatch>,
    /// Position in `Pending::files` of the file each batch is from.
    pub file_of_batch: Vec<usize>,
    /// Encoded bytes of a bronze row, on average.
    pub row_bytes: u64,
    /// The winners, sorted by key.
    pub by_day: BTreeMap<i32, Vec<RowRef>>,
    /// Keys that left a day.
    pub dropped: HashMap<i32, HashSet<Key>>,
}

impl Incoming {
    /// A transaction belongs to one day only. Rows of an older source whose transaction `core`
    /// has on another day are out of date.
    pub async fn drop_rows_of_other_days(&mut self, snapshot: &Transaction<'_>) -> Result<()> {
        let mut rows: Vec<(i64, i32)> = Vec::new();
        for (day, refs) in &self.by_day {
            for (batch, row) in refs {
                rows.push((id_of(&self.batches[*batch], *row)?, *day));
            }
        }
        let mut outdated = HashSet::new();
        for chunk in rows.chunks(IDS_PER_QUERY) {
            let ids: Vec<i64> = chunk.iter().map(|(id, _)| *id).collect();
            let on: Vec<i32> = chunk.iter().map(|(_, day)| *day).collect();
            let found = snapshot
                .query(
                    "SELECT p.id FROM unnest($1::bigint[], $2::integer[]) AS p (id, day)
                     JOIN core.transactions AS t ON t.id = p.id
                     WHERE (t.\"timestamp\" AT TIME ZONE 'UTC')::date <> date '1970-01-01' + p.day",
                    &[&ids, &on],
                )
                .await
                .or_db("compare transactions with core")?;
            outdated.extend(found.iter().map(|row| row.get::<_, i64>(0)));
        }
        if outdated.is_empty() {
            return Ok(());
        }
        let batches = &self.batches;
        for refs in self.by_day.values_mut() {
            refs.retain(|(batch, row)| {
                id_of(&batches[*batch], *row).is_ok_and(|id| !outdated.contains(&id))
            });
        }
        self.by_day.retain(|_, refs| !refs.is_empty());
        Ok(())
    }

    pub fn drop_moved(&mut self, pending: &Pending) {
        for (id, from) in &pending.moved {
            self.dropped.entry(days::number(*from)).or_default().insert(order::row_key(*id));
        }
    }
}

pub async fn read_dataset(
    context: &Context,
    pending: &Pending,
    slice: &Range<usize>,
    dataset: Dataset,
) -> Result<Incoming> {
    let files: Vec<usize> =
        slice.clone().filter(|file| pending.files[*file].entry.dataset == dataset).collect();
    let reads = files.iter().map(|file| {
        read_treated(context, dataset, pending.files[*file].entry.bronze.reference()).boxed()
    });
    let contents: Vec<Vec<RecordBatch>> = futures::stream::iter(reads.collect::<Vec<_>>())
        .buffered(context.storage.concurrent_objects())
        .try_collect()
        .await?;
    let (mut bytes, mut all_rows) = (0, 0);
    for (file, batches) in files.iter().zip(&contents) {
        let entry = &pending.files[*file].entry;
        bytes += entry.bronze.bytes;
        all_rows += entry.rows;
        let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        if rows != entry.rows {
            return Err(Error::internal(
                "bronze file does not hold the rows of its manifest entry",
            )
            .with("key", &entry.bronze.key)
            .with("rows", rows)
            .with("promised", entry.rows));
        }
    }
    blocking(move || {
        let mut batches = Vec::new();
        let mut file_of_batch = Vec::new();
        for (file, content) in files.into_iter().zip(contents) {
            file_of_batch.resize(file_of_batch.len() + content.len(), file);
            batches.extend(content);
        }
        let by_day = winners(dataset, &batches)?;
        let row_bytes = bytes.div_ceil(all_rows.max(1));
        let dropped = HashMap::new();
        Ok(Incoming { dataset, batches, file_of_batch, row_bytes, by_day, dropped })
    })
    .await
}

/// The rows of a bronze file as silver has them.
async fn read_treated(
    context: &Context,
    dataset: Dataset,
    object: ObjectRef,
) -> Result<Vec<RecordBatch>> {
    let content = context.storage.read_all(&object).await?;
    let silver = context.silver.clone();
    let treated = blocking(move || {
        let mut batches = Vec::new();
        parquet::ahead(parquet::decode_all(content)?, |bronze| {
            batches.push(silver.from_bronze(dataset, &bronze)?);
            Ok(())
        })?;
        Ok(batches)
    });
    treated.await.map_err(|error| error.with("bucket", &object.bucket).with("key", &object.key))
}

/// The row of the latest source of each key, by day, sorted by key. Two rows of the same source
/// (a file that two runs processed) are told apart by run, so that the choice does not depend on
/// the order of the files.
fn winners(dataset: Dataset, batches: &[RecordBatch]) -> Result<BTreeMap<i32, Vec<RowRef>>> {
    let columns: Vec<Columns<'_>> =
        batches.iter().map(|batch| Columns::of(dataset, batch)).collect::<Result<_>>()?;
    let mut rows: Vec<(Key, u32, u32)> = Vec::new();
    for (batch, column) in columns.iter().enumerate() {
        let keys = column.keys().iter().enumerate();
        rows.extend(keys.map(|(row, key)| (*key, batch as u32, row as u32)));
    }
    // Stable, and nearly free when the rows are sorted already, as a file usually is.
    rows.sort_by_key(|(key, _, _)| *key);
    let mut by_day: BTreeMap<i32, Vec<RowRef>> = BTreeMap::new();
    for same_key in rows.chunk_by(|left, right| left.0 == right.0) {
        let latest = same_key
            .iter()
            .map(|(_, batch, row)| (*batch as usize, *row as usize))
            .reduce(|best, next| {
                let (a, b) = (&columns[best.0], &columns[next.0]);
                let order = b
                    .source_order(next.1, a, best.1)
                    .then_with(|| a.run(best.1).cmp(b.run(next.1)));
                if order.is_gt() { next } else { best }
            });
        if let Some((batch, row)) = latest {
            by_day.entry(columns[batch].day(row)).or_default().push((batch, row));
        }
    }
    Ok(by_day)
}

fn id_of(batch: &RecordBatch, row: usize) -> Result<i64> {
    use arrow::array::AsArray;
    batch
        .column(0)
        .as_primitive_opt::<arrow::datatypes::Int64Type>()
        .map(|ids| ids.value(row))
        .ok_or_else(|| Error::internal("transactions have no numeric id"))
}
