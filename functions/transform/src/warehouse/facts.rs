//! The facts of dirty dates in Postgres: computed once, beside the table, and then written in the
//! way that is fastest for each month.
//!
//! A month that gets many new facts is built anew without indexes and takes the place of its
//! partition, and so is one that has none so far; in the others only the facts that differ are
//! written. Reading is far cheaper than keeping three indexes, and most facts of a date that is
//! computed again come out the same.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use shopflow_postgres::indexes::unless_in_use;
use tokio_postgres::Transaction;

use crate::days;

const FACT_SALES: &str = include_str!("../../../../sql/warehouse/fact_sales.sql");
/// Where [`FACT_SALES`] puts the facts, and where they go first.
const TABLE: &str = "INSERT INTO warehouse.fact_sales ";
const STAGING: &str = "INSERT INTO warehouse.fact_sales_next ";

/// From this many new facts on it pays to build a month anew, unless it has
/// [`WORTHWHILE_SHARE`] times as many already.
const BULK_ROWS: i64 = 4_000;
const WORTHWHILE_SHARE: i64 = 4;

/// How long a new month waits for those who read the default partition, which is locked while the
/// month is attached. The same as in `warehouse.create_month_partitions`.
const PATIENCE: &str = "2s";

/// A month with dirty dates.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Month {
    first: NaiveDate,
    /// Its dirty dates, as keys of the calendar.
    dirty: Vec<i32>,
    /// Sales of its dirty dates.
    sales: i64,
    /// Facts of its dirty dates, and of all its dates.
    dirty_facts: i64,
    facts: i64,
    /// False while it has no facts, or they stand in the default partition.
    has_partition: bool,
}

impl Month {
    fn is_new(&self) -> bool {
        !self.has_partition && self.facts == 0
    }

    fn is_bulk(&self) -> bool {
        let new = self.sales - self.dirty_facts;
        let pays = new >= BULK_ROWS && new * WORTHWHILE_SHARE >= self.facts;
        self.is_new() || (self.has_partition && pays)
    }

    fn partition(&self) -> String {
        format!("fact_sales_{:04}_{:02}", self.first.year(), self.first.month())
    }

    /// Keys from its first day to that of the next month, exclusive.
    fn bounds(&self) -> (i32, i32) {
        let next = self.first.checked_add_months(Months::new(1)).unwrap_or(self.first);
        (days::date_key(self.first), days::date_key(next))
    }
}

/// Facts beside the table, in the tables that will take the place of partitions.
#[derive(Debug, Default)]
pub struct Computed {
    rows: u64,
    /// Months that were built anew; `None` when there was nothing to compute.
    months: Option<Vec<Month>>,
}

/// Computes the facts of the dirty dates from their sales; the dimensions must be up to date. Facts
/// of months that are not built anew are written to the table itself.
///
/// # Errors
/// `Transient.Database`, or `Internal` when a sale would be lost.
pub async fn compute(transaction: &Transaction<'_>, dates: &[NaiveDate]) -> Result<Computed> {
    let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) else {
        return Ok(Computed::default());
    };
    let from = midnight(*first);
    let to = midnight(last.checked_add_days(Days::new(1)).unwrap_or(*last));
    let months = months(transaction, &from, &to).await?;
    let sales: i64 = months.iter().map(|month| month.sales).sum();
    let (bulk, compared): (Vec<Month>, Vec<Month>) = months.into_iter().partition(Month::is_bulk);

    stage(transaction, &bulk).await?;
    let sql = FACT_SALES.replacen(TABLE, STAGING, 1);
    let staged = transaction.execute(&sql, &[&from, &to]).await.or_db("compute facts")?;
    if i64::try_from(staged) != Ok(sales) {
        return Err(Error::internal("the number of facts differs from that of sales")
            .with("sales", sales)
            .with("facts", staged));
    }
    write_differences(transaction, &compared).await?;
    for month in &bulk {
        build(transaction, month).await.map_err(|error| error.with("month", month.first))?;
    }
    Ok(Computed { rows: sales.max(0) as u64, months: Some(bulk) })
}

impl Computed {
    /// Puts the months that were built anew in place; how many facts were computed in all.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn put_in_place(&self, transaction: &Transaction<'_>) -> Result<u64> {
        let Some(months) = &self.months else { return Ok(0) };
        for month in months {
            let put = put_in_place(transaction, month).await;
            put.map_err(|error| error.with("month", month.first))?;
        }
        let counted = if months.is_empty() { "" } else { COUNT_CHANGE };
        let end = format!("{UNSTAGE}{counted}");
        transaction.batch_execute(&end).await.or_db("end of writing facts")?;
        Ok(self.rows)
    }
}

const UNSTAGE: &str = "DROP TABLE warehouse.fact_sales_next;";
/// A partition that is put in place fires no trigger of the table. A small sample is enough until
/// autovacuum takes its own: readers wait meanwhile. Where the server can (18 and later), only the
/// table as a whole is looked at, a tenth of the work; autovacuum looks at the partitions.
const COUNT_CHANGE: &str = "
    UPDATE warehouse.fact_sales SET quantity = quantity WHERE false;
    SET LOCAL default_statistics_target = 20;
    DO $$ BEGIN
        IF current_setting('server_version_num')::integer >= 180000 THEN
            EXECUTE 'ANALYZE ONLY warehouse.fact_sales';
        ELSE
            ANALYZE warehouse.fact_sales;
        END IF;
    END $$;
    SET LOCAL default_statistics_target TO DEFAULT;";

/// The months with dirty dates, and what core and the warehouse have of them.
async fn months(
    transaction: &Transaction<'_>,
    from: &DateTime<Utc>,
    to: &DateTime<Utc>,
) -> Result<Vec<Month>> {
    let rows = transaction
        .query(
            "WITH sales AS (
                 SELECT (t.\"timestamp\" AT TIME ZONE 'UTC')::date AS day, count(*) AS sales
                 FROM core.transactions AS t
                 WHERE t.\"timestamp\" >= $1 AND t.\"timestamp\" < $2
                 GROUP BY 1
             ), dirty AS (
                 SELECT date_trunc('month', p.event_date)::date AS month,
                        array_agg(to_char(p.event_date, 'YYYYMMDD')::integer) AS keys,
                        coalesce(sum(s.sales), 0)::bigint AS sales
                 FROM pending_dates AS p LEFT JOIN sales AS s ON s.day = p.event_date
                 WHERE p.rebuild
                 GROUP BY 1
             )
             SELECT d.month, d.keys, d.sales, f.dirty, f.facts,
                    to_regclass(to_char(d.month, '\"warehouse.fact_sales_\"YYYY\"_\"MM')) IS NOT NULL
             FROM dirty AS d
             CROSS JOIN LATERAL (
                 SELECT count(*) FILTER (WHERE f.date_key = ANY (d.keys)) AS dirty,
                        count(*) AS facts
                 FROM warehouse.fact_sales AS f
                 WHERE f.date_key >= to_char(d.month, 'YYYYMMDD')::integer
                   AND f.date_key < to_char(d.month + interval '1 month', 'YYYYMMDD')::integer
             ) AS f
             ORDER BY 1",
            &[from, to],
        )
        .await
        .or_db("count sales and facts")?;
    let month = |row: &tokio_postgres::Row| Month {
        first: row.get(0),
        dirty: row.get(1),
        sales: row.get(2),
        dirty_facts: row.get(3),
        facts: row.get(4),
        has_partition: row.get(5),
    };
    Ok(rows.iter().map(month).collect())
}

/// Makes the tables the facts go to first: one for each month that is built anew, and one for the
/// others.
async fn stage(transaction: &Transaction<'_>, bulk: &[Month]) -> Result<()> {
    let mut sql = "CREATE TABLE warehouse.fact_sales_next (LIKE warehouse.fact_sales)
                       PARTITION BY RANGE (date_key);
                   CREATE TABLE warehouse.fact_sales_next_default
                       PARTITION OF warehouse.fact_sales_next DEFAULT;"
        .to_owned();
    for month in bulk {
        let (part, (from, to)) = (month.partition(), month.bounds());
        sql.push_str(&format!(
            "CREATE TABLE warehouse.{part}_next PARTITION OF warehouse.fact_sales_next
                 FOR VALUES FROM ({from}) TO ({to});"
        ));
    }
    transaction.batch_execute(&sql).await.or_db("make room for facts")
}

/// Removes the facts that are no longer right, and inserts those that are missing.
async fn write_differences(transaction: &Transaction<'_>, months: &[Month]) -> Result<()> {
    let known: Vec<i32> = months
        .iter()
        .filter(|month| month.dirty_facts > 0)
        .flat_map(|month| month.dirty.iter().copied())
        .collect();
    if !known.is_empty() {
        let analyze = "ANALYZE warehouse.fact_sales_next_default";
        transaction.batch_execute(analyze).await.or_db("analyze facts")?;
        transaction
            .execute(
                "DELETE FROM warehouse.fact_sales AS f
                 WHERE f.date_key = ANY ($1) AND NOT EXISTS (
                     SELECT FROM warehouse.fact_sales_next_default AS n
                     WHERE n.date_key = f.date_key AND n.transaction_id = f.transaction_id
                       AND ROW(n.*) IS NOT DISTINCT FROM ROW(f.*))",
                &[&known],
            )
            .await
            .or_db("remove outdated facts")?;
    }
    let missing = if known.is_empty() {
        ""
    } else {
        "WHERE NOT EXISTS (
             SELECT FROM warehouse.fact_sales AS f
             WHERE f.date_key = n.date_key AND f.transaction_id = n.transaction_id)"
    };
    let insert = format!(
        "INSERT INTO warehouse.fact_sales SELECT n.* FROM warehouse.fact_sales_next_default AS n
         {missing} ORDER BY n.date_key, n.transaction_id"
    );
    transaction.execute(&insert, &[]).await.or_db("insert facts")?;
    Ok(())
}

/// Completes a month that is built anew: the facts of its other dates, key and indexes.
async fn build(transaction: &Transaction<'_>, month: &Month) -> Result<()> {
    let (part, (from, to)) = (month.partition(), month.bounds());
    let detach =
        format!("ALTER TABLE warehouse.fact_sales_next DETACH PARTITION warehouse.{part}_next");
    transaction.batch_execute(&detach).await.or_db("set a month of facts apart")?;
    if month.facts > month.dirty_facts {
        let others = format!(
            "INSERT INTO warehouse.{part}_next SELECT * FROM warehouse.{part}
             WHERE NOT date_key = ANY ($1)"
        );
        transaction.execute(&others, &[&month.dirty]).await.or_db("keep facts of other dates")?;
    }
    // The check spares reading all rows again when the partition is put in place.
    let index = format!(
        "ALTER TABLE warehouse.{part}_next
             ADD CONSTRAINT {part}_next_pkey PRIMARY KEY (date_key, transaction_id),
             ADD CONSTRAINT {part}_bounds CHECK (date_key >= {from} AND date_key < {to});
         CREATE INDEX {part}_next_customer ON warehouse.{part}_next (customer_key, sold_at);
         CREATE INDEX {part}_next_product ON warehouse.{part}_next (product_key, sold_at)"
    );
    transaction.batch_execute(&index).await.or_db("index a month of facts")
}

/// Puts a month that was built anew in its place. From here on readers wait for the end of the
/// transaction. A new month whose place is being read goes to the default partition, from which the
/// next call takes it ([`super::empty_default`]).
async fn put_in_place(transaction: &Transaction<'_>, month: &Month) -> Result<()> {
    let part = month.partition();
    if !month.is_new() {
        let replace = format!(
            "ALTER TABLE warehouse.fact_sales DETACH PARTITION warehouse.{part};
             DROP TABLE warehouse.{part};
             {}",
            attach(month)
        );
        return transaction.batch_execute(&replace).await.or_db("replace a month of facts");
    }
    if unless_in_use(transaction, &attach(month), PATIENCE).await? {
        return Ok(());
    }
    tracing::info!(month = %month.first, "the table is in use: its new partition is made later");
    let copy = format!(
        "INSERT INTO warehouse.fact_sales SELECT * FROM warehouse.{part}_next;
         DROP TABLE warehouse.{part}_next"
    );
    transaction.batch_execute(&copy).await.or_db("copy a month of facts")
}

/// The statements that make a month that was built anew a partition of the table.
fn attach(month: &Month) -> String {
    let (part, (from, to)) = (month.partition(), month.bounds());
    format!(
        "ALTER TABLE warehouse.{part}_next RENAME TO {part};
         ALTER TABLE warehouse.{part} RENAME CONSTRAINT {part}_next_pkey TO {part}_pkey;
         ALTER INDEX warehouse.{part}_next_customer RENAME TO {part}_customer_key_sold_at_idx;
         ALTER INDEX warehouse.{part}_next_product RENAME TO {part}_product_key_sold_at_idx;
         ALTER TABLE warehouse.fact_sales ATTACH PARTITION warehouse.{part}
             FOR VALUES FROM ({from}) TO ({to});
         ALTER TABLE warehouse.{part} DROP CONSTRAINT {part}_bounds"
    )
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(sales: i64, dirty_facts: i64, facts: i64) -> Month {
        let first = NaiveDate::from_ymd_opt(2024, 12, 1).unwrap_or_default();
        Month { first, dirty: vec![20_241_201], sales, dirty_facts, facts, has_partition: true }
    }

    #[test]
    fn the_statement_goes_to_the_staging_table_and_nowhere_else() {
        assert_eq!(FACT_SALES.matches(TABLE).count(), 1);
        assert!(!FACT_SALES.replacen(TABLE, STAGING, 1).contains(TABLE));
    }

    #[test]
    fn a_month_is_built_anew_when_it_gets_many_new_facts() {
        assert!(month(BULK_ROWS, 0, 0).is_bulk());
        assert!(!month(BULK_ROWS - 1, 0, 0).is_bulk());
        let without_partition = |month: Month| Month { has_partition: false, ..month };
        assert!(without_partition(month(1, 0, 0)).is_bulk(), "it has none so far");
        assert!(month(50_000, 25_000, 90_000).is_bulk());
        assert!(!month(50_000, 50_000, 50_000).is_bulk(), "nothing is new");
        assert!(!month(30_000, 0, 1_000_000).is_bulk(), "few of many");
        assert!(!without_partition(month(50_000, 0, 1)).is_bulk(), "in the default partition");
    }

    #[test]
    fn december_ends_where_january_begins() {
        let month = month(0, 0, 0);
        assert_eq!(month.bounds(), (20_241_201, 20_250_101));
        assert_eq!(month.partition(), "fact_sales_2024_12");
    }
}
