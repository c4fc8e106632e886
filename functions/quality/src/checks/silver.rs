//! The sales in silver: how many each month has, and the content of some of them.
//!
//! Row counts come from the manifest. Content is compared on a sample, so that the number of
//! requests does not grow with the history.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate};
use futures::{StreamExt, TryStreamExt};
use shopflow_core::{Dataset, Error, Result, Storage};
use shopflow_lake::days::{days_of_month, month_partition};
use shopflow_lake::parquet::{blocking, decode_columns};
use shopflow_lake::{DayRange, FileEntry, TableManifest};

use super::content::{LARGEST_READ, column_as};
use super::dates::{ByDate, DateFacts, Fingerprint, ID_MODULUS, describe, list};
use super::{Check, Layer};

/// Months whose content is read.
const SAMPLED_MONTHS: usize = 4;
/// Files that are in memory at the same time.
const FILES_AT_ONCE: usize = 2;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What silver/transactions holds.
#[derive(Debug, Clone)]
pub struct SilverSales {
    /// Rows of each month.
    rows: BTreeMap<DayRange, i64>,
    /// The days whose content was read.
    sampled: Vec<DayRange>,
    content: ByDate,
}

/// Days of which all rows are in some files.
#[derive(Debug)]
struct Sample<'a> {
    days: DayRange,
    files: Vec<&'a FileEntry>,
}

/// Reads the sample that a manifest gives.
///
/// # Errors
/// `Transient.Storage`; `Internal` when a partition is no month, or a file lacks a column.
pub async fn measure(
    storage: &Storage,
    bucket: &str,
    manifest: &TableManifest,
) -> Result<SilverSales> {
    let rows = rows_by_month(manifest)?;
    let sample = sample(manifest);
    let moment = Dataset::Transactions.event_time_column().map_or("", |column| column.name);
    let mut content = ByDate::new();
    for Sample { days, files } in &sample {
        let objects: Vec<_> = files.iter().map(|file| file.reference(bucket)).collect();
        let mut files = futures::stream::iter(objects)
            .map(|object| async move {
                let file = storage.read_all(&object).await?;
                blocking(move || decode_columns(file, &["id", "quantity", moment])).await
            })
            .buffered(FILES_AT_ONCE);
        while let Some(batches) = files.try_next().await? {
            for batch in &batches {
                add(&mut content, batch, moment, days)?;
            }
        }
    }
    let sampled = sample.into_iter().map(|sample| sample.days).collect();
    Ok(SilverSales { rows, sampled, content })
}

fn rows_by_month(manifest: &TableManifest) -> Result<BTreeMap<DayRange, i64>> {
    let rows = |files: &[FileEntry]| files.iter().map(|file| file.rows as i64).sum();
    let months = manifest.partitions.iter();
    months
        .map(|(partition, files)| {
            let days = days_of_month(partition).ok_or_else(|| {
                Error::internal("partition of silver is not named after a month")
                    .with("partition", partition)
            })?;
            Ok((days, rows(files)))
        })
        .collect()
}

/// The latest month and others evenly spread over the history. Of a month that is too large to be
/// read, its latest day; nothing when that is too large, too.
fn sample(manifest: &TableManifest) -> Vec<Sample<'_>> {
    let months: Vec<Sample<'_>> = manifest
        .partitions
        .iter()
        .filter_map(|(partition, files)| readable(days_of_month(partition)?, files))
        .collect();
    let step = months.len().div_ceil(SAMPLED_MONTHS).max(1);
    months.into_iter().rev().step_by(step).collect()
}

fn readable(month: DayRange, files: &[FileEntry]) -> Option<Sample<'_>> {
    let fits =
        |files: &[&FileEntry]| files.iter().map(|file| file.bytes).sum::<u64>() <= LARGEST_READ;
    let all: Vec<&FileEntry> = files.iter().collect();
    if fits(&all) {
        return Some(Sample { days: month, files: all });
    }
    let latest = all.iter().filter_map(|file| file.days).map(|days| days.last).max()?;
    let on_latest = BTreeSet::from([latest]);
    let files: Vec<&FileEntry> = all.into_iter().filter(|file| file.may_hold(&on_latest)).collect();
    let days = DayRange { first: latest, last: latest };
    fits(&files).then_some(Sample { days, files })
}

fn add(content: &mut ByDate, batch: &RecordBatch, moment: &str, days: &DayRange) -> Result<()> {
    let moments = batch
        .column_by_name(moment)
        .and_then(|moments| moments.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| Error::internal("lake file lacks a column").with("column", moment))?;
    let ids = column_as(batch, "id", &DataType::Int64)?;
    let units = column_as(batch, "quantity", &DataType::Int64)?;
    let (ids, units) = (ids.as_primitive::<Int64Type>(), units.as_primitive::<Int64Type>());
    let mut by_day: BTreeMap<i64, Fingerprint> = BTreeMap::new();
    for ((micros, id), units) in moments.values().iter().zip(ids.values()).zip(units.values()) {
        let day = by_day.entry(micros.div_euclid(MICROS_PER_DAY)).or_default();
        day.rows += 1;
        day.ids += id % ID_MODULUS;
        day.units += units;
    }
    for (day, found) in by_day {
        let date = DateTime::from_timestamp_micros(day * MICROS_PER_DAY)
            .map(|moment| moment.date_naive())
            .ok_or_else(|| Error::internal("day of a sale is out of range").with("day", day))?;
        if days.holds(date) {
            let known = content.entry(date).or_default();
            known.rows += found.rows;
            known.ids += found.ids;
            known.units += found.units;
        }
    }
    Ok(())
}

/// Checks of silver against `core`. What a load has changed and no transform has recomputed yet is
/// left out: of the counts its month, of the content its day.
pub fn judge(silver: &SilverSales, dates: &DateFacts) -> [Check; 2] {
    let check = |name: &str, expected: String, actual: String| {
        Check::equal(Layer::Lake, name, expected, actual)
    };
    let mut months: BTreeMap<DayRange, (i64, i64)> =
        silver.rows.iter().map(|(month, rows)| (*month, (0, *rows))).collect();
    for (date, core) in &dates.core {
        if let Some(month) = days_of_month(&month_partition(*date)) {
            months.entry(month).or_default().0 += core.rows;
        }
    }
    months.retain(|month, _| !month.meets(&dates.dirty));
    let sum = |of: fn(&(i64, i64)) -> i64| months.values().map(of).sum::<i64>().to_string();
    let differing: Vec<String> = months
        .iter()
        .filter(|(_, (core, silver))| core != silver)
        .map(|(month, _)| month.first.format("%Y-%m").to_string())
        .collect();
    let rows = check("lake.silver_transactions.rows", sum(|rows| rows.0), sum(|rows| rows.1))
        .passed_if(differing.is_empty())
        .detail(list("differs in", &differing));

    let in_core = silver.sampled.iter().flat_map(|days| dates.core.range(days.first..=days.last));
    let compared: BTreeSet<NaiveDate> = in_core
        .map(|(date, _)| *date)
        .chain(silver.content.keys().copied())
        .filter(|date| !dates.dirty.contains(date))
        .collect();
    let on = |by_date: &ByDate, date: &NaiveDate| by_date.get(date).copied().unwrap_or_default();
    let wrong: Vec<NaiveDate> = compared
        .iter()
        .filter(|date| on(&dates.core, date) != on(&silver.content, date))
        .copied()
        .collect();
    let of_dates = |count: usize| format!("{count} sampled dates as in core");
    let same = compared.len() - wrong.len();
    let content =
        check("lake.silver_transactions.content", of_dates(compared.len()), of_dates(same))
            .detail(describe(&wrong));
    [rows, content]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn file(bytes: u64, days: Option<(&str, &str)>) -> FileEntry {
        let days = days.map(|(first, last)| DayRange { first: day(first), last: day(last) });
        FileEntry { key: String::new(), bytes, rows: 1, sha256: String::new(), days }
    }

    fn manifest(months: Vec<(String, Vec<FileEntry>)>) -> TableManifest {
        let partitions = months.into_iter().collect();
        TableManifest { table: "silver/transactions".to_owned(), snapshot: 1, partitions }
    }

    #[test]
    fn the_sample_is_bounded_and_holds_the_latest_month() {
        for years in [1, 2, 10] {
            let months = (0..years * 12).map(|month| {
                let partition = format!("month={:04}-{:02}", 2016 + month / 12, 1 + month % 12);
                (partition, vec![file(1000, None)])
            });
            let manifest = manifest(months.collect());
            let sample = sample(&manifest);
            assert_eq!(sample.len(), SAMPLED_MONTHS, "{years}");
            let latest = day(&format!("{}-12-31", 2015 + years));
            assert_eq!(sample[0].days.last, latest, "{years}");
        }
        assert!(sample(&manifest(Vec::new())).is_empty());
    }

    #[test]
    fn of_a_month_too_large_to_be_read_the_latest_day_is() {
        let files = vec![
            file(LARGEST_READ, Some(("2026-01-01", "2026-01-20"))),
            file(5, Some(("2026-01-20", "2026-01-21"))),
            file(6, Some(("2026-01-21", "2026-01-21"))),
        ];
        let of = |files: &[FileEntry]| -> Vec<(NaiveDate, u64)> {
            let manifest = manifest(vec![("month=2026-01".to_owned(), files.to_vec())]);
            let sample = sample(&manifest);
            let bytes = |sample: &Sample<'_>| sample.files.iter().map(|file| file.bytes).sum();
            sample.iter().map(|sample| (sample.days.first, bytes(sample))).collect()
        };
        assert_eq!(of(&files), [(day("2026-01-21"), 11)]);
        assert_eq!(of(&files[1..]), [(day("2026-01-01"), 11)]);
        // Nothing is known of its days.
        assert_eq!(of(&[file(LARGEST_READ + 1, None)]), []);
    }

    #[test]
    fn a_partition_of_another_kind_is_refused() {
        let days = manifest(vec![("event_date=2026-01-05".to_owned(), Vec::new())]);
        let error = rows_by_month(&days).unwrap_err();
        assert!(error.to_string().contains("event_date=2026-01-05"), "{error}");
    }

    #[test]
    fn months_with_a_day_in_flux_are_not_counted_and_other_days_of_it_are_compared() {
        let of = |rows| Fingerprint { rows, ids: rows * 10, units: rows };
        let days = |month: &str| days_of_month(&format!("month={month}")).unwrap();
        let silver = SilverSales {
            rows: BTreeMap::from([(days("2026-01"), 5), (days("2026-02"), 4)]),
            sampled: vec![days("2026-02")],
            content: ByDate::from([(day("2026-02-01"), of(1)), (day("2026-02-03"), of(3))]),
        };
        let dates = DateFacts {
            core: ByDate::from([
                (day("2026-01-01"), of(4)),
                (day("2026-02-01"), of(1)),
                (day("2026-02-02"), of(2)),
                (day("2026-02-03"), of(9)),
            ]),
            facts: ByDate::new(),
            dirty: BTreeSet::from([day("2026-02-03")]),
        };
        let [rows, content] = judge(&silver, &dates);
        assert_eq!((rows.expected.as_str(), rows.actual.as_str()), ("4", "5"));
        assert_eq!((rows.passed, rows.detail.as_deref()), (false, Some("differs in 2026-01")));
        assert_eq!(content.expected, "2 sampled dates as in core");
        assert_eq!(content.actual, "1 sampled dates as in core");
        assert_eq!(content.detail.as_deref(), Some("differs on 2026-02-02"));
    }
}
