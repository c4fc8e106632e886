//! What `transform` has to recompute after a load of exchange rates: the days whose sales they
//! convert.
//!
//! A rate that arrives or changes reaches its own day and the days after it for which it is recent
//! enough (`ops.shop_currency`). Of these, the dates with a sale in a currency are marked, since only
//! such a sale is converted. Which currencies changed makes no difference: most files have all, and
//! the shop's own converts every sale where it is not the base.
//!
//! No sale stays without a rate that is there, whatever the order of loads:
//!
//! - A load of rates and one of sales never run at the same time ([`crate::lock`]). The later one sees
//!   what the earlier one has committed: rates mark the dates of all sales that are there, and a sale
//!   marks its own date while the rates are there. Side by side, the sale could be committed, converted
//!   without the rate and its mark removed while the rates, which do not see it, are on their way.
//! - `transform` works with one snapshot. It has both the rates and their marks or neither, and a mark
//!   that was renewed since is not removed.
//! - The age that counts is locked until the rates are committed: who takes up a longer one waits for
//!   them, and marks the dates that they do not reach yet.

use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::touched::MARK;

/// Marks the dates that new and changed rates reach; before these are written, since the day that a
/// rate had before counts, too.
///
/// Without a sale in a currency the staged rates are not even looked at. Else it is one look into the
/// index of these sales for each day, and no day comes twice, however many currencies it has.
///
/// # Errors
/// `Transient.Database` or `Internal`.
pub async fn mark_reached_dates(transaction: &Transaction<'_>) -> Result<()> {
    // The planner takes a handful of days for millions: compiling the statement took 0.6 s of 0.8.
    let jit = "SET LOCAL jit = off";
    transaction.batch_execute(jit).await.or_db("prepare to mark dates")?;
    let statement = format!(
        "INSERT INTO ops.dirty_dates (event_date) \
         WITH sold AS MATERIALIZED ( \
             SELECT (min(t.\"timestamp\") AT TIME ZONE 'UTC')::date AS first, \
                 (max(t.\"timestamp\") AT TIME ZONE 'UTC')::date AS last \
             FROM core.transactions t WHERE t.currency IS NOT NULL \
         ), shop AS MATERIALIZED ( \
             SELECT max_age_days FROM ops.shop_currency LIMIT 1 FOR SHARE \
         ), changed AS MATERIALIZED ( \
             SELECT s.rate_date AS day FROM pg_temp.verdict v JOIN pg_temp.staging s USING (id) \
             WHERE v.action IN ('n', 'c', 'u') \
             UNION \
             SELECT t.rate_date FROM pg_temp.verdict v JOIN core.exchange_rates t USING (id) \
             WHERE v.action = 'u' \
         ), reached AS ( \
             SELECT greatest(c.day, sold.first) AS since, \
                 least(c.day + shop.max_age_days, c.next - 1, sold.last) AS until \
             FROM sold CROSS JOIN shop \
             CROSS JOIN (SELECT day, lead(day) OVER (ORDER BY day) AS next FROM changed) c \
             WHERE sold.first IS NOT NULL \
         ) \
         SELECT d.day FROM reached r \
         CROSS JOIN LATERAL ( \
             SELECT r.since + n AS day FROM generate_series(0, r.until - r.since) AS n) d \
         CROSS JOIN LATERAL ( \
             SELECT FROM core.transactions t \
             WHERE t.currency IS NOT NULL \
                 AND t.\"timestamp\" >= d.day::timestamp AT TIME ZONE 'UTC' \
                 AND t.\"timestamp\" < (d.day + 1)::timestamp AT TIME ZONE 'UTC' \
             ORDER BY t.\"timestamp\" LIMIT 1) sale \
         {MARK}"
    );
    transaction.execute(&statement, &[]).await.or_db("mark dates that rates reach")?;
    Ok(())
}
