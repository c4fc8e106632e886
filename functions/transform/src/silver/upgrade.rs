//! Silver of releases before months: a partition per day (`event_date=2024-01-15`).
//!
//! Each month is one commit, so a call that is cut off leaves months of both kinds, and the next
//! one goes on. Rows stay as they are.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::FutureExt;
use shopflow_core::{Dataset, Error, ErrorKind, Result, keys};
use shopflow_lake::days::month_partition;
use shopflow_lake::parquet::{self, blocking};
use shopflow_lake::{COMMIT_ATTEMPTS, FileEntry, Table, TableManifest, schema};

use super::merge::sorted_slots;
use super::selection::{self, Encoded, Place};
use super::units::bytes_of;
use crate::Context;
use crate::incoming::order::Columns;

/// Rewrites what an earlier release has left by day.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when a file does not have the silver schema.
pub async fn to_months(context: &Context) -> Result<()> {
    let tables = Dataset::all().map(|dataset| {
        async move {
            let name = keys::silver_table(dataset);
            let table = Table::open(&context.storage, &context.lake, &name).await?;
            Ok::<_, Error>((dataset, table))
        }
        .boxed()
    });
    for (dataset, table) in futures::future::try_join_all(tables).await? {
        upgrade(context, dataset, table).await?;
    }
    Ok(())
}

/// A month of which days have partitions of their own.
struct Month {
    partition: String,
    /// Files by day, with the partition of each.
    days: BTreeMap<String, Vec<FileEntry>>,
    /// Files by month: there are some when an earlier release has written into a newer lake.
    present: Vec<FileEntry>,
}

async fn upgrade(context: &Context, dataset: Dataset, mut table: Table) -> Result<()> {
    let mut lost = 0;
    while let Some(month) = first_month(table.manifest()) {
        let committed = match rewrite(context, dataset, &table, &month).await {
            Ok(changes) => table.commit(changes).await?,
            // The file went while it was being read: compaction has replaced it.
            Err(error) if error.kind() == ErrorKind::InvalidInput && lost + 1 < COMMIT_ATTEMPTS => {
                false
            }
            Err(error) => return Err(error),
        };
        if committed {
            let (partition, days) = (&month.partition, month.days.len());
            tracing::info!(%dataset, partition, days, "silver by day became silver by month");
            lost = 0;
            continue;
        }
        lost += 1;
        if lost == COMMIT_ATTEMPTS {
            return Err(table.conflict());
        }
        table = Table::open(&context.storage, &context.lake, &keys::silver_table(dataset)).await?;
    }
    Ok(())
}

fn first_month(manifest: &TableManifest) -> Option<Month> {
    let mut dated = manifest
        .partitions
        .iter()
        .filter_map(|(name, files)| Some((month_partition(date_of(name)?), name, files)));
    let (partition, name, files) = dated.next()?;
    let mut days = BTreeMap::from([(name.clone(), files.clone())]);
    let others = dated.take_while(|(month, ..)| *month == partition);
    days.extend(others.map(|(_, name, files)| (name.clone(), files.clone())));
    let present = manifest.partitions.get(&partition).cloned().unwrap_or_default();
    Some(Month { partition, days, present })
}

/// The day of a partition of an earlier release.
fn date_of(partition: &str) -> Option<NaiveDate> {
    partition.strip_prefix("event_date=")?.parse().ok()
}

async fn rewrite(
    context: &Context,
    dataset: Dataset,
    table: &Table,
    month: &Month,
) -> Result<BTreeMap<String, Vec<FileEntry>>> {
    let all: Vec<FileEntry> =
        month.days.values().flatten().chain(&month.present).cloned().collect();
    let by_day = bytes_of(&all) > context.layout.month_bytes;
    // A large month is read day by day; the days of files by month are not known beforehand.
    let groups: Vec<Vec<FileEntry>> = if by_day && month.present.is_empty() {
        month.days.values().cloned().collect()
    } else {
        vec![all]
    };
    let mut written = Vec::new();
    for files in groups {
        let objects: Vec<_> = files.iter().map(|file| file.reference(table.bucket())).collect();
        let batches = parquet::read_files(&context.storage, &objects).await?;
        let files = blocking(move || encode(dataset, batches.concat(), by_day)).await?;
        for Encoded { content, rows, days } in files {
            let partition = &month.partition;
            let file = parquet::store(&context.storage, table, partition, content, rows).await?;
            written.push(file.with_days(Some(days)));
        }
    }
    let mut changes: BTreeMap<String, Vec<FileEntry>> =
        month.days.keys().map(|partition| (partition.clone(), Vec::new())).collect();
    changes.insert(month.partition.clone(), written);
    Ok(changes)
}

fn encode(dataset: Dataset, batches: Vec<RecordBatch>, by_day: bool) -> Result<Vec<Encoded>> {
    let silver = schema::silver(dataset);
    let batches =
        batches.iter().map(|batch| schema::conform(batch, &silver)).collect::<Result<Vec<_>>>()?;
    let places = latest(dataset, &batches)?;
    let files = selection::cut(&places, by_day).into_iter();
    files.map(|rows| selection::encode(&silver, &batches, &places[rows])).collect()
}

/// The row of the latest source of each slot, sorted by slot.
fn latest(dataset: Dataset, batches: &[RecordBatch]) -> Result<Vec<Place>> {
    let columns = batches
        .iter()
        .map(|batch| Columns::of(dataset, batch))
        .collect::<Result<Vec<Columns<'_>>>>()?;
    let rows = sorted_slots(&columns);
    let later = |best: Place, next: Place| {
        let (a, b) = (&columns[best.batch as usize], &columns[next.batch as usize]);
        let order = b.source_order(next.row as usize, a, best.row as usize);
        if order.is_gt() { next } else { best }
    };
    let slots = rows.chunk_by(|left, right| left.0 == right.0);
    Ok(slots.filter_map(|same| same.iter().map(|(_, place)| *place).reduce(later)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_days_are_told_from_those_of_months() {
        assert_eq!(date_of("event_date=2024-01-05"), NaiveDate::from_ymd_opt(2024, 1, 5));
        assert_eq!(date_of("month=2024-01"), None);
        let days = ["event_date=2024-01-05", "event_date=2024-01-31", "event_date=2024-02-01"];
        let mut partitions: BTreeMap<String, Vec<FileEntry>> =
            days.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
        partitions.insert("month=2023-12".to_owned(), Vec::new());
        let manifest = TableManifest { table: "t".to_owned(), snapshot: 1, partitions };
        let month = first_month(&manifest).unwrap();
        assert_eq!(month.partition, "month=2024-01");
        assert_eq!(month.days.keys().collect::<Vec<_>>(), days[..2].iter().collect::<Vec<_>>());
    }
}
