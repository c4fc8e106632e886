//! The star schema in Postgres: set-based SQL from `sql/warehouse/` and from the definitions of the
//! dimensions, in one transaction.

mod facts;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use shopflow_core::{Error, Result};
use shopflow_postgres::{Client, PgResultExt, dimensions};
use tokio_postgres::Transaction;

use crate::incoming::pending::Pending;
pub use facts::Computed;

const DATES: &str = include_str!("../../../sql/warehouse/dates.sql");
const PAYMENT_METHODS: &str = include_str!("../../../sql/warehouse/payment_methods.sql");
const OUTDATED_FACTS: &str = include_str!("../../../sql/warehouse/outdated_facts.sql");
const PENDING_RATES: &str = include_str!("../../../sql/warehouse/pending_rates.sql");
const REKEYED_FACTS: &str = include_str!("../../../sql/warehouse/rekeyed_facts.sql");
const REKEYED_SESSIONS: &str = include_str!("../../../sql/warehouse/rekeyed_sessions.sql");
const GONE_VERSIONS: &str = include_str!("../../../sql/warehouse/gone_versions.sql");

/// What was rebuilt.
#[derive(Debug, Default)]
pub struct Facts {
    /// Rows of `fact_sales` that were computed: those of dirty dates, and single ones that a changed
    /// history gave another version, price or cost.
    pub rows: u64,
    /// The dirty dates, extended by those of the single rows.
    pub dates: BTreeSet<NaiveDate>,
}

/// Creates the monthly partitions of a fact table that some dates need. It locks the table until the
/// end of the transaction, if there is one, and for a moment otherwise.
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

/// Gives the rows in the default partition of a fact table partitions of their own: they went there
/// because the table was in use, or were written by somebody else.
///
/// # Errors
/// `Transient.Database`.
pub async fn empty_default(client: &Client, fact: &str) -> Result<()> {
    let sql = format!(
        "SELECT DISTINCT to_date(date_key::text, 'YYYYMMDD') FROM warehouse.{fact}_default"
    );
    let rows = client.query(&sql, &[]).await.or_db("look into the default partition")?;
    create_partitions(client, fact, rows.iter().map(|row| row.get(0))).await
}

/// Makes days members of the calendar.
///
/// # Errors
/// `Transient.Database`.
pub async fn add_dates(transaction: &Transaction<'_>, dates: &[NaiveDate]) -> Result<()> {
    transaction.execute(DATES, &[&dates]).await.or_db("extend the calendar")?;
    Ok(())
}

/// The dimensions are up to date; the facts are to follow, in the same transaction.
#[derive(Debug, Default)]
pub struct Dimensioned {
    /// The dates whose facts are to be computed anew.
    outdated: Vec<NaiveDate>,
    /// Single facts of other dates that got another version, price or cost.
    rekeyed: u64,
    /// All dates with facts that change.
    pub dates: BTreeSet<NaiveDate>,
    is_empty: bool,
}

/// Brings the dimensions of dirty entities up to date, and the facts of other dates than the dirty
/// ones that this concerns.
///
/// # Errors
/// `Transient.Database`.
pub async fn dimensions(transaction: &Transaction<'_>, pending: &Pending) -> Result<Dimensioned> {
    if pending.entities == 0 && pending.dates.is_empty() {
        return Ok(Dimensioned { is_empty: true, ..Dimensioned::default() });
    }
    let outdated: Vec<NaiveDate> = pending.dates.iter().copied().collect();
    add_dates(transaction, &outdated).await?;
    let stars = dimensions::all();
    transaction.batch_execute(dimensions::PREPARE).await.or_db("prepare dimensions")?;
    for star in &stars {
        let compared = transaction.batch_execute(&star.changes()).await;
        compared.or_db("compare versions").map_err(|error| error.with("dataset", star.dataset))?;
    }
    transaction.batch_execute(PAYMENT_METHODS).await.or_db("add payment methods")?;
    transaction.batch_execute(OUTDATED_FACTS).await.or_db("find outdated facts")?;
    transaction.batch_execute(PENDING_RATES).await.or_db("find exchange rates")?;
    transaction.batch_execute(dimensions::BEGIN).await.or_db("prepare dimensions")?;
    for star in &stars {
        let updated = transaction.batch_execute(&star.update()).await;
        updated.or_db("update dimension").map_err(|error| error.with("dataset", star.dataset))?;
    }
    transaction.batch_execute(dimensions::END).await.or_db("restore settings")?;
    let rekeyed = transaction.execute(REKEYED_FACTS, &[]).await.or_db("re-key facts")?;
    transaction.batch_execute(REKEYED_SESSIONS).await.or_db("re-key sessions")?;
    let dates = transaction
        .query("SELECT event_date FROM pending_dates", &[])
        .await
        .or_db("read affected dates")?
        .iter()
        .map(|row| row.get(0))
        .collect();
    Ok(Dimensioned { outdated, rekeyed, dates, is_empty: false })
}

impl Dimensioned {
    /// Computes the facts of the dirty dates. Readers see nothing of it and wait for nothing.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when a sale would be lost.
    pub async fn compute(&self, transaction: &Transaction<'_>) -> Result<Computed> {
        facts::compute(transaction, &self.outdated).await
    }

    /// Puts the computed facts in place, and commits. How many facts changed or were computed.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when a fact names a version that has gone.
    pub async fn finish(&self, transaction: Transaction<'_>, computed: Computed) -> Result<u64> {
        let written = computed.put_in_place(&transaction).await?;
        if !self.is_empty {
            check_versions(&transaction).await?;
        }
        transaction.commit().await.or_db("commit warehouse")?;
        Ok(written + self.rekeyed)
    }
}

/// Brings the dimensions of dirty entities and the facts of dirty dates up to date, and commits.
///
/// # Errors
/// `Transient.Database`, or `Internal` when a sale would be lost.
pub async fn rebuild(transaction: Transaction<'_>, pending: &Pending) -> Result<Facts> {
    let dimensioned = dimensions(&transaction, pending).await?;
    let computed = dimensioned.compute(&transaction).await?;
    let rows = dimensioned.finish(transaction, computed).await?;
    Ok(Facts { rows, dates: dimensioned.dates })
}

/// No fact may name a version that has gone.
async fn check_versions(transaction: &Transaction<'_>) -> Result<()> {
    let row = transaction.query_one(GONE_VERSIONS, &[]).await.or_db("look for lost versions")?;
    let (sales, sessions): (i64, i64) = (row.get(0), row.get(1));
    if sales + sessions > 0 {
        return Err(Error::internal("facts name versions of customers or products that have gone")
            .with("sales", sales)
            .with("sessions", sessions)
            .hint("run transform with full = true, which makes all facts anew"));
    }
    Ok(())
}
