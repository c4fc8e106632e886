//! Does the lake hold what Postgres holds, and no personal data from silver on?
//!
//! Row counts come from the table manifests, one object each.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Int64Type};
use shopflow_core::privacy::Privacy;
use shopflow_core::{Dataset, ErrorKind, Result, Storage, keys};
use shopflow_lake::parquet::read_files;
use shopflow_lake::{FileEntry, Table, TableManifest};
use shopflow_privacy::Layer::Silver;

use super::content::{LARGEST_READ, column_as};
use super::dates::DateFacts;
use super::silver::{self, SilverSales};
use super::warehouse::WarehouseFacts;
use super::{Check, Layer, Totals};

/// Files of silver/customers that are searched for personal data.
const SAMPLED_FILES: usize = 2;
/// Compaction may delete a file between reading the manifest and reading the file.
const ATTEMPTS: usize = 3;

/// Precision and scale of money sums.
const MONEY: (u8, i8) = (38, 2);

/// What the lake says about itself.
#[derive(Debug, Clone)]
pub struct LakeFacts {
    pub silver_sales: SilverSales,
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
    let read = async |files: Vec<&FileEntry>| {
        let objects: Vec<_> = files.iter().map(|file| file.reference(bucket)).collect();
        read_files(storage, &objects).await
    };
    let (silver_sales, customers, daily) = tokio::try_join!(
        silver::measure(storage, bucket, transactions.manifest()),
        read(newest_files(customers.manifest())),
        read(daily.manifest().files().collect()),
    )?;
    let (personal_values, untreated_values) = search_personal(customers.iter().flatten(), privacy)?;
    Ok(LakeFacts {
        silver_sales,
        gold_fact_rows: facts.manifest().rows() as i64,
        gold_daily_sales: sum_totals(daily.iter().flatten())?,
        personal_values,
        untreated_values,
    })
}

fn newest_files(manifest: &TableManifest) -> Vec<&FileEntry> {
    let newest = manifest.partitions.values().rev().flatten();
    newest.filter(|file| file.bytes <= LARGEST_READ).take(SAMPLED_FILES).collect()
}

fn sum_of(batch: &RecordBatch, column: &str, value: impl Fn(i64) -> i64) -> Result<i64> {
    let values = column_as(batch, column, &DataType::Int64)?;
    Ok(values.as_primitive::<Int64Type>().iter().flatten().map(value).sum())
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
    let [rows, content] = silver::judge(&lake.silver_sales, dates);
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

    #[test]
    fn oversized_files_are_not_read() {
        let file = |bytes| FileEntry {
            key: String::new(),
            bytes,
            rows: 1,
            sha256: String::new(),
            days: None,
        };
        let files = vec![file(LARGEST_READ + 1), file(LARGEST_READ)];
        let partitions = [("month=2026-01".to_owned(), files.clone())].into();
        let manifest = TableManifest { table: "t".to_owned(), snapshot: 1, partitions };
        assert_eq!(newest_files(&manifest), [&files[1]]);
    }
}
