//! Does the lake hold what Postgres holds, and no personal data from silver on?
//!
//! Row counts come from the table manifests, one object each. The content of silver is compared on
//! a sample of dates, so that the number of requests does not grow with the history.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Int64Type};
use chrono::NaiveDate;
use shopflow_core::privacy::Privacy;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, Storage, keys};
use shopflow_lake::parquet::read_files;
use shopflow_lake::{FileEntry, Table, TableManifest};
use shopflow_privacy::Layer::Silver;

use super::dates::{ByDate, DateFacts, Fingerprint, ID_MODULUS, describe};
use super::warehouse::WarehouseFacts;
use super::{Check, Layer, Totals};

/// Dates of silver/transactions whose content is read.
const SAMPLED_DATES: usize = 8;
/// Files of silver/customers that are searched for personal data.
const SAMPLED_FILES: usize = 2;
/// A file larger than this is never read, so that memory and time stay bounded.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;
/// Compaction may delete a file between reading the manifest and reading the file.
const ATTEMPTS: usize = 3;

/// Precision and scale of money sums.
const MONEY: (u8, i8) = (38, 2);

/// What the lake says about itself.
#[derive(Debug, Clone)]
pub struct LakeFacts {
    /// Rows of silver/transactions by event date, from the manifest.
    pub silver_rows: BTreeMap<NaiveDate, i64>,
    /// Content of silver/transactions on the sampled dates.
    pub silver_sample: ByDate,
    pub gold_fact_rows: i64,
    pub gold_daily_sales: Totals,
    /// Values of personal columns that were looked at in silver/customers.
    pub personal_values: i64,
    /// Those among them that are not treated as the policies say.
    pub untreated_values: i64,
}

/// Reads manifests and sampled files.
///
/// # Errors
/// `Transient.Storage`, or `Internal` when a table does not have the columns it must have.
pub async fn measure(storage: &Storage, bucket: &str, privacy: &Privacy) -> Result<LakeFacts> {
    let mut attempt = 1;
    loop {
        match Box::pin(measure_once(storage, bucket, privacy)).await {
            Err(error) if error.kind() == ErrorKind::InvalidInput && attempt < ATTEMPTS => {
                tracing::info!(error = %error, attempt, "lake changed while it was read");
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

async fn measure_once(storage: &Storage, bucket: &str, privacy: &Privacy) -> Result<LakeFacts> {
    let transactions = keys::silver_table(Dataset::Transactions);
    let customers = keys::silver_table(Dataset::Customers);
    let (facts, daily) = (keys::gold_table("fact_sales"), keys::gold_table("daily_sales"));
    let (transactions, customers, facts, daily) = tokio::try_join!(
        Table::open(storage, bucket, &transactions),
        Table::open(storage, bucket, &customers),
        Table::open(storage, bucket, &facts),
        Table::open(storage, bucket, &daily),
    )?;
    let silver_rows = rows_by_date(transactions.manifest())?;
    let read = async |files: Vec<&FileEntry>| {
        let objects: Vec<_> = files.iter().map(|file| file.reference(bucket)).collect();
        read_files(storage, &objects).await
    };
    let sampled = sample_of_dates(transactions.manifest());
    let sampled_files = sampled.iter().flat_map(|(_, files)| *files).collect();
    let (sample, customers, daily) = tokio::try_join!(
        read(sampled_files),
        read(newest_files(customers.manifest())),
        read(daily.manifest().files().collect()),
    )?;
    let (personal_values, untreated_values) = search_personal(customers.iter().flatten(), privacy)?;
    Ok(LakeFacts {
        silver_rows,
        silver_sample: fingerprints(&sampled, &sample)?,
        gold_fact_rows: facts.manifest().rows() as i64,
        gold_daily_sales: sum_totals(daily.iter().flatten())?,
        personal_values,
        untreated_values,
    })
}

fn rows_by_date(manifest: &TableManifest) -> Result<BTreeMap<NaiveDate, i64>> {
    let rows = |files: &[FileEntry]| files.iter().map(|file| file.rows as i64).sum();
    let by_date = manifest.partitions.iter();
    by_date.map(|(partition, files)| Ok((date_of(partition)?, rows(files)))).collect()
}

fn date_of(partition: &str) -> Result<NaiveDate> {
    partition.strip_prefix("event_date=").and_then(|date| date.parse().ok()).ok_or_else(|| {
        Error::internal("partition is not named after an event date").with("partition", partition)
    })
}

/// The latest date and others evenly spread over the history, oversized ones left out.
fn sample_of_dates(manifest: &TableManifest) -> Vec<(NaiveDate, &Vec<FileEntry>)> {
    let readable: Vec<(NaiveDate, &Vec<FileEntry>)> = manifest
        .partitions
        .iter()
        .filter(|(_, files)| files.iter().map(|file| file.bytes).sum::<u64>() <= LARGEST_FILE)
        .filter_map(|(partition, files)| Some((date_of(partition).ok()?, files)))
        .collect();
    let step = readable.len().div_ceil(SAMPLED_DATES).max(1);
    let mut sample: Vec<_> = readable.into_iter().rev().step_by(step).collect();
    sample.reverse();
    sample
}

fn newest_files(manifest: &TableManifest) -> Vec<&FileEntry> {
    let newest = manifest.partitions.values().rev().flatten();
    newest.filter(|file| file.bytes <= LARGEST_FILE).take(SAMPLED_FILES).collect()
}

/// `files` holds the batches of every sampled file, in the order of `sampled`.
fn fingerprints(
    sampled: &[(NaiveDate, &Vec<FileEntry>)],
    files: &[Vec<RecordBatch>],
) -> Result<ByDate> {
    let mut files = files.iter();
    let mut found = ByDate::new();
    for (date, entries) in sampled {
        let mut fingerprint = Fingerprint::default();
        for batch in files.by_ref().take(entries.len()).flatten() {
            fingerprint.rows += batch.num_rows() as i64;
            fingerprint.ids += sum_of(batch, "id", |id| id % ID_MODULUS)?;
            fingerprint.units += sum_of(batch, "quantity", |quantity| quantity)?;
        }
        found.insert(*date, fingerprint);
    }
    Ok(found)
}

fn sum_of(batch: &RecordBatch, column: &str, value: impl Fn(i64) -> i64) -> Result<i64> {
    let values = column_as(batch, column, &DataType::Int64)?;
    Ok(values.as_primitive::<Int64Type>().iter().flatten().map(value).sum())
}

fn column_as(
    batch: &RecordBatch,
    name: &str,
    data_type: &DataType,
) -> Result<arrow::array::ArrayRef> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| Error::internal("lake file lacks a column").with("column", name))?;
    cast(column, data_type)
        .or_error(ErrorKind::Internal, "lake column has an unexpected type")
        .map_err(|error| error.with("column", name))
}

fn sum_totals<'a>(batches: impl Iterator<Item = &'a RecordBatch>) -> Result<Totals> {
    let (mut transactions, mut units, mut revenue) = (0, 0, 0_i128);
    let (precision, scale) = MONEY;
    for batch in batches {
        transactions += sum_of(batch, "transactions", |count| count)?;
        units += sum_of(batch, "units", |count| count)?;
        let money = column_as(batch, "revenue", &DataType::Decimal128(precision, scale))?;
        revenue += money.as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
    }
    let revenue = Decimal128Type::format_decimal(revenue, precision, scale);
    Ok(Totals { transactions, units: Some(units), revenue })
}

/// How many personal values there are, and how many of them are not as silver must show them.
fn search_personal<'a>(
    batches: impl Iterator<Item = &'a RecordBatch>,
    privacy: &Privacy,
) -> Result<(i64, i64)> {
    let dataset = Dataset::Customers;
    let personal = || dataset.columns().iter().filter(|column| column.is_personal());
    let (mut values, mut untreated) = (0, 0);
    for batch in batches {
        // A column that is not there leaks nothing.
        for column in personal().filter(|column| batch.column_by_name(column.name).is_some()) {
            let decision = privacy.decide(dataset, column);
            let treatment = decision.treatment(Silver);
            let texts = column_as(batch, column.name, &DataType::Utf8)?;
            for text in texts.as_string::<i32>().iter().flatten() {
                values += 1;
                untreated += i64::from(!treatment.leaves(decision.kind, text));
            }
        }
    }
    Ok((values, untreated))
}

/// Checks of the lake against Postgres.
pub fn judge(lake: &LakeFacts, dates: &DateFacts, warehouse: &WarehouseFacts) -> Vec<Check> {
    let check = |name: &str, expected: String, actual: String| {
        Check::equal(Layer::Lake, name, expected, actual)
    };
    let differing = dates.differing(&lake.silver_rows, |core, rows| core.rows == rows);
    let settled_rows: i64 = dates.settled(&lake.silver_rows).map(|(_, rows)| rows).sum();
    let rows = check(
        "lake.silver_transactions.rows",
        dates.settled_core_rows().to_string(),
        settled_rows.to_string(),
    )
    .passed_if(differing.is_empty())
    .detail(describe(&differing));

    let compared: Vec<_> = dates.settled(&lake.silver_sample).collect();
    let wrong: Vec<NaiveDate> = compared
        .iter()
        .filter(|(date, found)| dates.core.get(date).copied().unwrap_or_default() != **found)
        .map(|(date, _)| **date)
        .collect();
    let same = compared.len() - wrong.len();
    let of_dates = |count: usize| format!("{count} sampled dates as in core");
    let content =
        check("lake.silver_transactions.content", of_dates(compared.len()), of_dates(same))
            .detail(describe(&wrong));

    let masked =
        check("lake.silver_customers.masked", "0".to_owned(), lake.untreated_values.to_string())
            .detail(format!("untreated among {} personal values looked at", lake.personal_values));

    let fact_rows = check(
        "lake.gold_fact_sales.rows",
        warehouse.fact_sales.transactions.to_string(),
        lake.gold_fact_rows.to_string(),
    );
    let daily = warehouse.aggregates.iter().find(|(table, _)| table == "daily_sales");
    let expected = daily.map_or("no daily_sales".to_owned(), |(_, totals)| totals.to_string());
    let totals = check("lake.gold_daily_sales.totals", expected, lake.gold_daily_sales.to_string())
        .detail("expected from warehouse.daily_sales");
    vec![rows, content, masked, fact_rows, totals]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(days: u32, bytes: u64) -> TableManifest {
        let partitions = (0..days)
            .map(|day| {
                let date =
                    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(day.into());
                let key = format!("silver/transactions/event_date={date}/part-0.parquet");
                let file = FileEntry { key, bytes, rows: 1, sha256: String::new() };
                (format!("event_date={date}"), vec![file])
            })
            .collect();
        TableManifest { table: "silver/transactions".to_owned(), snapshot: 1, partitions }
    }

    #[test]
    fn the_sample_is_bounded_and_holds_the_latest_date() {
        for days in [0, 1, 7, 8, 9, 365, 3650] {
            let manifest = manifest(days, 1000);
            let sample = sample_of_dates(&manifest);
            assert!(sample.len() <= SAMPLED_DATES, "{days}");
            assert!(sample.len() >= SAMPLED_DATES.min(days as usize).min(5), "{days}");
            let latest = manifest.partitions.keys().last().map(|last| date_of(last).unwrap());
            assert_eq!(sample.last().map(|(date, _)| *date), latest, "{days}");
        }
    }

    #[test]
    fn oversized_files_are_not_read() {
        assert!(sample_of_dates(&manifest(3, LARGEST_FILE + 1)).is_empty());
        assert!(newest_files(&manifest(3, LARGEST_FILE + 1)).is_empty());
    }

    #[test]
    fn a_partition_of_another_kind_is_refused() {
        assert!(date_of("month=2026-01").unwrap_err().to_string().contains("month=2026-01"));
    }
}
