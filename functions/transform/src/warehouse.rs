//! The star schema in Postgres: set-based SQL from `sql/warehouse/`, in one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::pending::Pending;

const CUSTOMER_VERSIONS: &str = include_str!("../../../sql/warehouse/customer_versions.sql");
const PRODUCT_VERSIONS: &str = include_str!("../../../sql/warehouse/product_versions.sql");
const AFFECTED_DATES: &str = include_str!("../../../sql/warehouse/affected_dates.sql");
const DIMENSIONS: &str = include_str!("../../../sql/warehouse/dimensions.sql");
const FACT_SALES: &str = include_str!("../../../sql/warehouse/fact_sales.sql");
const BULK_BEGIN: &str = include_str!("../../../sql/warehouse/bulk_begin.sql");
const BULK_END: &str = include_str!("../../../sql/warehouse/bulk_end.sql");

/// From this many rows into an empty table it pays to build its indexes afterwards.
const BULK_ROWS: i64 = 100_000;

/// What was rebuilt.
#[derive(Debug, Default)]
pub struct Facts {
    /// Rows of `fact_sales` written.
    pub rows: u64,
    /// The dirty dates, extended by those that changed dimensions touch.
    pub dates: BTreeSet<NaiveDate>,
}

/// Brings the dimensions of dirty entities and the facts of dirty dates up to date, and commits.
///
/// # Errors
/// `Transient.Database`, or `Internal` when a sale would be lost.
pub async fn rebuild(transaction: Transaction<'_>, pending: &Pending) -> Result<Facts> {
    if pending.entities == 0 && pending.dates.is_empty() {
        transaction.commit().await.or_db("commit warehouse")?;
        return Ok(Facts::default());
    }
    transaction.batch_execute(CUSTOMER_VERSIONS).await.or_db("build customer versions")?;
    transaction.batch_execute(PRODUCT_VERSIONS).await.or_db("build product versions")?;
    transaction.batch_execute(AFFECTED_DATES).await.or_db("find affected dates")?;
    transaction.batch_execute(DIMENSIONS).await.or_db("update dimensions")?;
    let dates: BTreeSet<NaiveDate> = transaction
        .query("SELECT event_date FROM pending_dates", &[])
        .await
        .or_db("read affected dates")?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let rows = match (dates.first(), dates.last()) {
        (Some(first), Some(last)) => insert_facts(&transaction, *first, *last).await?,
        _ => 0,
    };
    transaction.commit().await.or_db("commit warehouse")?;
    Ok(Facts { rows, dates })
}

async fn insert_facts(
    transaction: &Transaction<'_>,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<u64> {
    let from = midnight(first);
    let to = midnight(last.checked_add_days(Days::new(1)).unwrap_or(last));
    let row = transaction
        .query_one(
            "SELECT count(*), NOT EXISTS (SELECT FROM warehouse.fact_sales)
             FROM core.transactions AS t
             JOIN pending_dates AS p ON p.event_date = (t.\"timestamp\" AT TIME ZONE 'UTC')::date
             WHERE t.\"timestamp\" >= $1 AND t.\"timestamp\" < $2",
            &[&from, &to],
        )
        .await
        .or_db("count sales")?;
    let (expected, empty): (i64, bool) = (row.get(0), row.get(1));
    let bulk = empty && expected >= BULK_ROWS;
    if bulk {
        transaction.batch_execute(BULK_BEGIN).await.or_db("prepare bulk insert of facts")?;
    }
    let written = transaction.execute(FACT_SALES, &[&from, &to]).await.or_db("insert facts")?;
    if bulk {
        transaction.batch_execute(BULK_END).await.or_db("index facts")?;
    }
    if i64::try_from(written) != Ok(expected) {
        return Err(Error::internal("facts differ in number from sales")
            .with("sales", expected)
            .with("facts", written));
    }
    Ok(written)
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}
