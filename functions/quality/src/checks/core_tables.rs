//! Is `core` sound: unique keys, resolved references, few inferred members, fresh data?

use chrono::{DateTime, Days, NaiveDate, Utc};
use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};

use super::{Check, Layer};

/// Sales usually end the day before the run; older than this many days, something stopped.
const FRESH_DAYS: u64 = 2;

/// What `core` says about itself.
#[derive(Debug, Clone)]
pub struct CoreFacts {
    pub keys: Vec<KeyFacts>,
    pub transactions_without_customer: i64,
    pub transactions_without_product: i64,
    pub inferred_customers: i64,
    pub inferred_products: i64,
    /// The latest sale; absent when there is none.
    pub latest_sale: Option<DateTime<Utc>>,
}

/// The keys of one table.
#[derive(Debug, Clone)]
pub struct KeyFacts {
    pub table: String,
    pub rows: i64,
    pub distinct_ids: i64,
    pub missing_ids: i64,
}

const KEYS: &str = "
SELECT 'customers', count(*), count(DISTINCT id), count(*) - count(id) FROM core.customers
UNION ALL
SELECT 'products', count(*), count(DISTINCT id), count(*) - count(id) FROM core.products
UNION ALL
SELECT 'transactions', count(*), count(DISTINCT id), count(*) - count(id) FROM core.transactions";

const REFERENCES: &str = "
SELECT (SELECT count(*) FROM core.transactions AS t
        WHERE NOT EXISTS (SELECT FROM core.customers AS c WHERE c.id = t.customer_id)),
       (SELECT count(*) FROM core.transactions AS t
        WHERE NOT EXISTS (SELECT FROM core.products AS p WHERE p.id = t.product_id)),
       (SELECT count(*) FROM core.customers WHERE is_inferred),
       (SELECT count(*) FROM core.products WHERE is_inferred),
       (SELECT max(\"timestamp\") FROM core.transactions)";

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client) -> Result<CoreFacts> {
    let (keys, references) =
        tokio::try_join!(client.query_typed(KEYS, &[]), client.query_typed_one(REFERENCES, &[]))
            .or_db("measure core")?;
    let keys = keys
        .iter()
        .map(|row| KeyFacts {
            table: row.get(0),
            rows: row.get(1),
            distinct_ids: row.get(2),
            missing_ids: row.get(3),
        })
        .collect();
    Ok(CoreFacts {
        keys,
        transactions_without_customer: references.get(0),
        transactions_without_product: references.get(1),
        inferred_customers: references.get(2),
        inferred_products: references.get(3),
        latest_sale: references.get(4),
    })
}

/// Checks of `core`.
pub fn judge(facts: &CoreFacts, run_date: NaiveDate) -> Vec<Check> {
    let mut checks = Vec::new();
    for key in &facts.keys {
        let table = &key.table;
        checks.push(
            Check::equal(
                Layer::Core,
                format!("core.{table}.id_unique"),
                key.rows - key.missing_ids,
                key.distinct_ids,
            )
            .detail("rows with an id against distinct ids"),
        );
        let name = format!("core.{table}.id_not_null");
        checks.push(Check::equal(Layer::Core, name, 0, key.missing_ids));
    }
    let unresolved = [
        ("core.transactions.customer_resolves", facts.transactions_without_customer),
        ("core.transactions.product_resolves", facts.transactions_without_product),
    ];
    for (name, count) in unresolved {
        checks.push(Check::equal(Layer::Core, name, 0, count));
    }
    let inferred = [
        ("core.customers.none_inferred", facts.inferred_customers),
        ("core.products.none_inferred", facts.inferred_products),
    ];
    for (name, count) in inferred {
        let check = Check::equal(Layer::Core, name, 0, count).warning();
        checks.push(check.detail("known only because a transaction names them"));
    }
    let latest = facts.latest_sale.map(|moment| moment.date_naive());
    checks.push(fresh(latest, run_date));
    checks
}

fn fresh(latest_sale: Option<NaiveDate>, run_date: NaiveDate) -> Check {
    let limit = run_date.checked_sub_days(Days::new(FRESH_DAYS)).unwrap_or(run_date);
    let expected = format!("a sale on {limit} or later");
    let actual = latest_sale.map_or("no sales yet".to_owned(), |date| date.to_string());
    Check::equal(Layer::Core, "core.transactions.fresh", expected, actual)
        .passed_if(latest_sale.is_none_or(|date| date >= limit))
        .warning()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn sales_are_fresh_up_to_two_days_before_the_run() {
        let run_date = date("2026-03-01");
        assert!(fresh(Some(date("2026-02-27")), run_date).passed);
        assert!(!fresh(Some(date("2026-02-26")), run_date).passed);
    }

    #[test]
    fn a_backfill_of_the_past_and_an_empty_shop_are_fresh() {
        assert!(fresh(Some(date("2026-03-01")), date("2025-01-01")).passed);
        assert!(fresh(None, date("2026-03-01")).passed);
    }
}
