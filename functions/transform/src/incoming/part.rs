//! The part of the waiting work that one call takes, so that it ends long before Lambda's limit.
//!
//! Files come first: while some are left, a call only merges its part of them into silver. Then come
//! the dirty dates in their order, and the days with clicks. What is left stays marked, and the
//! answer tells the state machine to call again.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use shopflow_core::{Dataset, Result, keys};
use shopflow_lake::Table;
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::{Context, days};

/// Leaves only the first dirty dates in `pending_dates`, so many that they have about `rows` sales;
/// true when some were left out. One date is always kept.
///
/// # Errors
/// `Transient.Database`.
pub async fn cut_dates(transaction: &Transaction<'_>, rows: u64) -> Result<bool> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let estimate = transaction
        .query_one(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = 'core.transactions'::regclass",
            &[],
        )
        .await
        .or_db("estimate sales")?;
    // Counting takes time, and all sales together may be few enough. A table that was never
    // analyzed has no estimate, and few rows.
    if (0..=rows).contains(&estimate.get(0)) {
        return Ok(false);
    }
    let left_out = transaction
        .execute(
            "WITH sales AS (
                 SELECT p.event_date, (
                     SELECT count(*) FROM core.transactions AS t
                     WHERE t.\"timestamp\" >= p.event_date AT TIME ZONE 'UTC'
                       AND t.\"timestamp\" < (p.event_date + 1) AT TIME ZONE 'UTC') AS sales
                 FROM pending_dates AS p
             ), before AS (
                 SELECT event_date, sum(sales) OVER (ORDER BY event_date) - sales AS sales,
                        row_number() OVER (ORDER BY event_date) AS number
                 FROM sales
             )
             DELETE FROM pending_dates AS p USING before AS b
             WHERE b.event_date = p.event_date AND b.sales >= $1::bigint AND b.number > 1",
            &[&rows],
        )
        .await
        .or_db("choose the dates of a call")?;
    if left_out > 0 {
        tracing::info!(dates = left_out, "dates are left for the next call");
    }
    Ok(left_out > 0)
}

/// The first of some days with clicks, so many months of them that they have about `rows` clicks in
/// silver, and the others. One month is always taken.
///
/// # Errors
/// `Transient.Storage`.
pub async fn cut_click_dates(
    context: &Context,
    dates: BTreeSet<NaiveDate>,
    rows: u64,
) -> Result<(BTreeSet<NaiveDate>, BTreeSet<NaiveDate>)> {
    if dates.is_empty() {
        return Ok((dates, BTreeSet::new()));
    }
    let name = keys::silver_table(Dataset::Clickstream);
    let silver = Table::open(&context.storage, &context.lake, &name).await?;
    let partitions = &silver.manifest().partitions;
    let clicks = |month: &str| -> u64 {
        partitions.get(month).map_or(0, |files| files.iter().map(|file| file.rows).sum())
    };
    Ok(take_months(dates, rows, clicks))
}

fn take_months(
    dates: BTreeSet<NaiveDate>,
    rows: u64,
    clicks: impl Fn(&str) -> u64,
) -> (BTreeSet<NaiveDate>, BTreeSet<NaiveDate>) {
    let (mut taken, mut month, mut first_left) = (0_u64, String::new(), None);
    for date in &dates {
        let next = days::month_partition(*date);
        if next != month {
            if !month.is_empty() && taken >= rows {
                first_left = Some(*date);
                break;
            }
            taken = taken.saturating_add(clicks(&next));
            month = next;
        }
    }
    let mut dates = dates;
    let left = first_left.map(|date| dates.split_off(&date)).unwrap_or_default();
    (dates, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(texts: &[&str]) -> BTreeSet<NaiveDate> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn months_of_clicks_are_taken_whole_until_there_are_enough() {
        let all = dates(&["2026-01-05", "2026-01-31", "2026-02-01", "2026-03-01"]);
        let clicks = |_: &str| 10;
        let (taken, left) = take_months(all.clone(), 15, clicks);
        assert_eq!(taken, dates(&["2026-01-05", "2026-01-31", "2026-02-01"]));
        assert_eq!(left, dates(&["2026-03-01"]));
        let (taken, left) = take_months(all.clone(), 1, clicks);
        assert_eq!((taken.len(), left.len()), (2, 2), "a month is always taken");
        let (taken, left) = take_months(all.clone(), 1000, clicks);
        assert_eq!((taken, left.len()), (all, 0));
    }
}
