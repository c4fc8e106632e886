//! Is `core` sound: unique keys, resolved references, few inferred members, fresh data?

use chrono::{DateTime, Days, NaiveDate, Utc};
use shopflow_core::dataset::Column;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::{Client, PgResultExt};

use super::{Check, Layer};

/// Sales usually end the day before the run; older than this many days, something stopped.
const FRESH_DAYS: u64 = 2;

/// What `core` says about itself.
#[derive(Debug, Clone)]
pub struct CoreFacts {
    pub keys: Vec<KeyFacts>,
    /// References that name nobody, by the name of their check.
    pub unresolved: Vec<(String, i64)>,
    /// Members known only by name, by the name of their check.
    pub inferred: Vec<(String, i64)>,
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

/// The datasets that `core` has a table of.
fn stored() -> impl Iterator<Item = Dataset> {
    Dataset::all().filter(|dataset| dataset.is_stored())
}

/// The entities that rows of others name, so that some may be known only by name.
fn named() -> impl Iterator<Item = Dataset> {
    Dataset::all().filter(|dataset| references().any(|(_, _, to)| to == *dataset))
}

/// The columns that refer to another dataset, each with its own dataset.
fn references() -> impl Iterator<Item = (Dataset, &'static Column, Dataset)> {
    let of = |dataset: Dataset| {
        dataset.definition().references().map(move |(column, to)| (dataset, column, to))
    };
    stored().flat_map(of)
}

fn keys_sql() -> String {
    let of = |dataset| {
        format!(
            "SELECT '{dataset}', count(*), count(DISTINCT id), count(*) - count(id) \
             FROM core.{dataset}"
        )
    };
    stored().map(of).collect::<Vec<_>>().join(" UNION ALL ")
}

/// One row: unresolved references, inferred members, the latest sale.
fn references_sql() -> String {
    let unresolved = references().map(|(dataset, column, to)| {
        let column = column.name;
        format!(
            "(SELECT count(*) FROM core.{dataset} AS t WHERE t.\"{column}\" IS NOT NULL \
             AND NOT EXISTS (SELECT FROM core.{to} AS e WHERE e.id = t.\"{column}\"))"
        )
    });
    let inferred =
        named().map(|dataset| format!("(SELECT count(*) FROM core.{dataset} WHERE is_inferred)"));
    let latest = "(SELECT max(\"timestamp\") FROM core.transactions)".to_owned();
    let all: Vec<String> = unresolved.chain(inferred).chain([latest]).collect();
    format!("SELECT {}", all.join(", "))
}

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client) -> Result<CoreFacts> {
    let (keys, answers) = (keys_sql(), references_sql());
    let (keys, answers) =
        tokio::try_join!(client.query_typed(&keys, &[]), client.query_typed_one(&answers, &[]))
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
    let unresolved = references().map(|(dataset, column, _)| {
        let name = column.name.strip_suffix("_id").unwrap_or(column.name);
        format!("core.{dataset}.{name}_resolves")
    });
    let inferred = named().map(|dataset| format!("core.{dataset}.none_inferred"));
    let mut at = 0;
    let mut answered = |name: String| {
        at += 1;
        (name, answers.get(at - 1))
    };
    Ok(CoreFacts {
        keys,
        unresolved: unresolved.map(&mut answered).collect(),
        inferred: inferred.map(&mut answered).collect(),
        latest_sale: answers.get(answers.len() - 1),
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
    for (name, count) in &facts.unresolved {
        checks.push(Check::equal(Layer::Core, name, 0, *count));
    }
    for (name, count) in &facts.inferred {
        let check = Check::equal(Layer::Core, name, 0, *count).warning();
        checks.push(check.detail("known only because another row names them"));
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
    fn only_what_rows_of_others_name_can_be_inferred() {
        assert_eq!(named().collect::<Vec<_>>(), [Dataset::Customers, Dataset::Products]);
        assert!(stored().any(|dataset| dataset == Dataset::Payments));
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
