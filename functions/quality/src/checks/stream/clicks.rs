//! The clicks in silver, summed by hour.
//!
//! Only files that may hold the hours are read, three columns of them, and one row group is in
//! memory at a time.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, Utc};
use shopflow_core::dataset::{AMOUNT_PRECISION, AMOUNT_SCALE};
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, Storage, keys};
use shopflow_lake::parquet::{UNREADABLE, blocking};
use shopflow_lake::{FileEntry, Table, TableManifest};

use crate::checks::content::column_as;
use crate::expectations::file::File;

/// Encoded bytes of files that are read, so that time stays bounded. Beyond them the earlier days
/// are not compared.
const LARGEST_READ: u64 = 256 * 1024 * 1024;
/// Compaction may delete a file between reading the manifest and reading the file.
const ATTEMPTS: usize = 3;

const COLUMNS: [&str; 3] = ["timestamp", "event_type", "amount"];
/// The events whose amounts the windows sum up, see `streams/traffic.yaml`.
const PURCHASE: &str = "purchase";

const SECONDS_PER_HOUR: i64 = 3600;
const MICROS_PER_HOUR: i64 = SECONDS_PER_HOUR * 1_000_000;
/// What a hundredth is in an amount as silver has it.
const CENT: i128 = 10_i128.pow(AMOUNT_SCALE as u32) / 100;

/// Clicks, and what was paid with the purchases among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub events: i64,
    /// Hundredths; the stream counts in them, each purchase rounded.
    pub cents: i64,
}

/// Sums by the number of the hour, counted from 1970.
pub type ByHour = BTreeMap<i64, Sums>;

/// The number of the hour of a moment.
pub fn hour_of(moment: DateTime<Utc>) -> i64 {
    moment.timestamp().div_euclid(SECONDS_PER_HOUR)
}

fn day_of(hour: i64) -> Option<NaiveDate> {
    DateTime::from_timestamp(hour * SECONDS_PER_HOUR, 0).map(|moment| moment.date_naive())
}

/// Reads the clicks of some hours. An hour without clicks is empty; one whose files are too large
/// is not in the answer.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when a file lacks a column.
pub async fn measure(storage: &Storage, bucket: &str, hours: &BTreeSet<i64>) -> Result<ByHour> {
    if hours.is_empty() {
        return Ok(ByHour::new());
    }
    let mut attempt = 1;
    loop {
        match measure_once(storage, bucket, hours).await {
            Err(error) if error.kind() == ErrorKind::InvalidInput && attempt < ATTEMPTS => {
                tracing::info!(error = %error, attempt, "clicks changed while they were read");
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

async fn measure_once(storage: &Storage, bucket: &str, hours: &BTreeSet<i64>) -> Result<ByHour> {
    let table = Table::open(storage, bucket, &keys::silver_table(Dataset::Clickstream)).await?;
    let (days, files) = readable(table.manifest(), hours);
    let read = hours.iter().filter(|hour| day_of(**hour).is_some_and(|day| days.contains(&day)));
    let mut found: ByHour = read.map(|hour| (*hour, Sums::default())).collect();
    for file in &files {
        found = add_file(storage, bucket, file, found).await?;
    }
    Ok(found)
}

/// The days of the hours, the latest first, as long as their files are not too large; and those
/// files.
fn readable(
    manifest: &TableManifest,
    hours: &BTreeSet<i64>,
) -> (BTreeSet<NaiveDate>, Vec<FileEntry>) {
    let (mut days, mut files) = (BTreeSet::new(), Vec::new());
    for day in hours.iter().rev().filter_map(|hour| day_of(*hour)) {
        if days.contains(&day) {
            continue;
        }
        let mut more = days.clone();
        more.insert(day);
        let of_more = manifest.files_of_days(&more);
        if of_more.iter().map(|file| file.bytes).sum::<u64>() > LARGEST_READ {
            break;
        }
        (days, files) = (more, of_more);
    }
    (days, files)
}

async fn add_file(
    storage: &Storage,
    bucket: &str,
    file: &FileEntry,
    mut found: ByHour,
) -> Result<ByHour> {
    let opened = File::open(storage, &file.reference(bucket), file.bytes).await?;
    for group in 0..opened.row_groups() {
        let group = opened.row_group(group, &COLUMNS).await?;
        let counted = blocking(move || {
            for batch in group.batches()? {
                let batch = batch.or_error(ErrorKind::InvalidInput, UNREADABLE)?;
                add(&mut found, &batch)?;
            }
            Ok(found)
        });
        found = counted.await.map_err(|error| error.with("key", &file.key))?;
    }
    Ok(found)
}

/// Adds the rows of the hours that are in `found`.
fn add(found: &mut ByHour, batch: &RecordBatch) -> Result<()> {
    let moments = batch
        .column_by_name("timestamp")
        .and_then(|moments| moments.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| Error::internal("lake file lacks a column").with("column", "timestamp"))?;
    let types = column_as(batch, "event_type", &DataType::Utf8)?;
    let types = types.as_string::<i32>();
    // Files from before there were amounts have none.
    let amounts = match batch.column_by_name("amount") {
        Some(_) => {
            let amount = DataType::Decimal128(AMOUNT_PRECISION, AMOUNT_SCALE as i8);
            Some(column_as(batch, "amount", &amount)?)
        }
        None => None,
    };
    let amounts = amounts.as_ref().map(|amounts| amounts.as_primitive::<Decimal128Type>());
    for (row, micros) in moments.values().iter().enumerate() {
        let Some(sums) = found.get_mut(&micros.div_euclid(MICROS_PER_HOUR)) else { continue };
        sums.events += 1;
        if let Some(amounts) = amounts
            && amounts.is_valid(row)
            && types.value(row) == PURCHASE
        {
            sums.cents += cents(amounts.value(row));
        }
    }
    Ok(())
}

/// An amount in hundredths as the stream takes it: halves are rounded up. Amounts are never
/// negative, and all of them fit.
fn cents(amount: i128) -> i64 {
    ((amount + CENT / 2) / CENT) as i64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, StringArray, TimestampMicrosecondArray};
    use shopflow_lake::DayRange;

    use super::*;

    fn hour(text: &str) -> i64 {
        hour_of(text.parse().unwrap())
    }

    fn columns(clicks: &[(&str, &str, Option<i128>)]) -> Vec<(&'static str, ArrayRef)> {
        let micros = |text: &str| text.parse::<DateTime<Utc>>().unwrap().timestamp_micros();
        let moments =
            TimestampMicrosecondArray::from_iter_values(clicks.iter().map(|click| micros(click.0)));
        let types = StringArray::from_iter_values(clicks.iter().map(|click| click.1));
        let amounts: Decimal128Array = clicks.iter().map(|click| click.2).collect();
        let amounts = amounts.with_precision_and_scale(AMOUNT_PRECISION, AMOUNT_SCALE as i8);
        vec![
            ("timestamp", Arc::new(moments.with_timezone("UTC"))),
            ("event_type", Arc::new(types)),
            ("amount", Arc::new(amounts.unwrap())),
        ]
    }

    #[test]
    fn clicks_of_the_hours_are_counted_and_purchases_rounded_one_by_one() {
        let clicks = [
            ("2026-01-15T08:59:59.999999Z", "purchase", Some(100_000)),
            ("2026-01-15T09:00:00Z", "purchase", Some(100_050)),
            ("2026-01-15T09:30:00Z", "purchase", Some(49)),
            ("2026-01-15T09:30:01Z", "checkout", Some(700_000)),
            ("2026-01-15T09:59:59.999999Z", "purchase", None),
            ("2026-01-15T10:00:00Z", "purchase", Some(200_000)),
        ];
        let mut found = ByHour::from([(hour("2026-01-15T09:00:00Z"), Sums::default())]);
        let columns = columns(&clicks);
        add(&mut found, &RecordBatch::try_from_iter(columns.clone()).unwrap()).unwrap();
        let sums = Sums { events: 4, cents: 1001 };
        assert_eq!(found, ByHour::from([(hour("2026-01-15T09:00:00Z"), sums)]));
        // A file without amounts.
        let without = RecordBatch::try_from_iter(columns.into_iter().take(2)).unwrap();
        add(&mut found, &without).unwrap();
        assert_eq!(found.into_values().next(), Some(Sums { events: 8, cents: 1001 }));
    }

    #[test]
    fn of_files_that_are_too_large_together_those_of_the_latest_days_are_read() {
        let file = |key: &str, bytes, day: &str| {
            let day: NaiveDate = day.parse().unwrap();
            let days = Some(DayRange { first: day, last: day });
            FileEntry { key: key.to_owned(), bytes, rows: 1, sha256: String::new(), days }
        };
        let manifest = |bytes: [u64; 3]| {
            let [a, b, c] = bytes;
            let january = vec![file("a", a, "2026-01-30"), file("b", b, "2026-01-31")];
            let months =
                [("month=2026-01", january), ("month=2026-02", vec![file("c", c, "2026-02-01")])];
            let partitions = months.map(|(month, files)| (month.to_owned(), files)).into();
            TableManifest { table: "silver/clickstream".to_owned(), snapshot: 1, partitions }
        };
        let hours = ["2026-01-31T22:00:00Z", "2026-01-31T23:00:00Z", "2026-02-01T00:00:00Z"];
        let hours: BTreeSet<i64> = hours.into_iter().map(hour).collect();
        let read = |bytes| {
            let (days, files) = readable(&manifest(bytes), &hours);
            let keys: Vec<String> = files.into_iter().map(|file| file.key).collect();
            (days.len(), keys.concat())
        };
        assert_eq!(read([LARGEST_READ, 1, 1]), (2, "bc".to_owned()));
        assert_eq!(read([1, LARGEST_READ, 1]), (1, "c".to_owned()));
        assert_eq!(read([1, 1, LARGEST_READ + 1]), (0, String::new()));
    }
}
