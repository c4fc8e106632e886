//! The star schema in Postgres: set-based SQL from `sql/warehouse/` and from the definitions of the
//! dimensions, in one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use shopflow_core::{Error, Result};
use shopflow_postgres::{Client, PgResultExt, dimensions};
use tokio_postgres::Transaction;

use crate::incoming::pending::Pending;

const DATES: &str = include_str!("../../../sql/warehouse/dates.sql");
const DIRTY_FACTS: &str = include_str!("../../../sql/warehouse/dirty_facts.sql");
const OUTDATED_FACTS: &str = include_str!("../../../sql/warehouse/outdated_facts.sql");
const REKEYED_FACTS: &str = include_str!("../../../sql/warehouse/rekeyed_facts.sql");
const REKEYED_SESSIONS: &str = include_str!("../../../sql/warehouse/rekeyed_sessions.sql");
const FACT_SALES: &str = include_str!("../../../sql/warehouse/fact_sales.sql");
const BULK_BEGIN: &str = include_str!("../../../sql/warehouse/bulk_begin.sql");
const BULK_END: &str = include_str!("../../../sql/warehouse/bulk_end.sql");

/// From this many rows into an empty table it pays to build its indexes afterwards.
const BULK_ROWS: i64 = 100_000;

/// What was rebuilt.
#[derive(Debug, Default)]
pub struct Facts {
    /// Rows of `fact_sales` written: those of dirty dates, and single ones that a changed history
    /// gave another version or price.
    pub rows: u64,
    /// The dirty dates, extended by those of the single rows.
    pub dates: BTreeSet<NaiveDate>,
}

/// Creates the monthly partitions of a fact table that some dates need, in a transaction of its
/// own: it locks the table for a moment.
///
/// # Errors
/// `Transient.Database`.
pub async fn create_partitions(
    client: &Client,
    fact: &str,
    dates: impl Iterator<Item = NaiveDate>,
) -> Result<()> {
    let dates: Vec<NaiveDate> = dates.collect();
    if dates.is_empty() {
        return Ok(());
    }
    client
        .execute("SELECT warehouse.create_month_partitions($1, $2)", &[&fact, &dates])
        .await
        .or_db("create partitions")
        .map_err(|error| error.with("table", fact))?;
    Ok(())
}

/// Makes days members of the calendar.
///
/// # Errors
/// `Transient.Database`.
pub async fn add_dates(transaction: &Transaction<'_>, dates: &[NaiveDate]) -> Result<()> {
    transaction.execute(DATES, &[&dates]).await.or_db("extend the calendar")?;
    Ok(())
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
    let dates: Vec<NaiveDate> = pending.dates.iter().copied().collect();
    add_dates(&transaction, &dates).await?;
    let stars = dimensions::all();
    transaction.batch_execute(dimensions::PREPARE).await.or_db("prepare dimensions")?;
    for star in &stars {
        let compared = transaction.batch_execute(&star.changes()).await;
        compared.or_db("compare versions").map_err(|error| error.with("dataset", star.dataset))?;
    }
    transaction.batch_execute(DIRTY_FACTS).await.or_db("remove facts of dirty dates")?;
    transaction.batch_execute(OUTDATED_FACTS).await.or_db("find outdated facts")?;
    transaction.batch_execute(dimensions::BEGIN).await.or_db("defer foreign keys")?;
    for star in &stars {
        let updated = transaction.batch_execute(&star.update()).await;
        updated.or_db("update dimension").map_err(|error| error.with("dataset", star.dataset))?;
    }
    transaction.batch_execute(dimensions::END).await.or_db("restore settings")?;
    let rekeyed = transaction.execute(REKEYED_FACTS, &[]).await.or_db("re-key facts")?;
    transaction.batch_execute(REKEYED_SESSIONS).await.or_db("re-key sessions")?;
    let inserted = match (dates.first(), dates.last()) {
        (Some(first), Some(last)) => insert_facts(&transaction, *first, *last).await?,
        _ => 0,
    };
    let dates = transaction
        .query("SELECT event_date FROM pending_dates", &[])
        .await
        .or_db("read affected dates")?
        .iter()
        .map(|row| row.get(0))
        .collect();
    transaction.commit().await.or_db("commit warehouse")?;
    Ok(Facts { rows: inserted + rekeyed, dates })
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
             JOIN pending_dates AS p
               ON p.event_date = (t.\"timestamp\" AT TIME ZONE 'UTC')::date AND p.rebuild
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
