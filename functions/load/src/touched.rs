//! What `transform` has to recompute after a load of transactions: event dates (UTC), and ids that
//! silver must drop from a date they are no longer on.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use shopflow_core::{Dataset, Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::{replaced, values};

const STAGED_DATE: &str = "(s.\"timestamp\" AT TIME ZONE 'UTC')::date";
const STORED_DATE: &str = "(t.\"timestamp\" AT TIME ZONE 'UTC')::date";

/// Keeps what is stored of the rows that differ, before it is overwritten: its date, and whether it
/// is about something else.
pub async fn read_stored(transaction: &Transaction<'_>) -> Result<()> {
    let statement = format!(
        "INSERT INTO pg_temp.verdict (id, action, old_date, new_date, is_other) \
         SELECT s.id, s.action, {STORED_DATE}, {STAGED_DATE}, {is_other} \
         FROM pg_temp.staging s JOIN core.transactions t ON t.id = s.id \
         WHERE s.action IN ('u', 'l')",
        is_other = replaced::is_other(Dataset::Transactions),
    );
    transaction.execute(&statement, &[]).await.or_db("read stored rows")?;
    Ok(())
}

/// Notes the dates an id is not, or no longer, on: the old date of a moved row, and the date an
/// earlier version brings along, since its bronze file puts it there. A date an id comes back to
/// is no longer one to drop it from.
pub async fn note_moves(transaction: &Transaction<'_>) -> Result<()> {
    transaction
        .execute(
            "DELETE FROM ops.moved_rows m USING pg_temp.verdict v \
             WHERE v.action = 'u' AND m.id = v.id AND m.from_date = v.new_date",
            &[],
        )
        .await
        .or_db("forget old moves")?;
    transaction
        .execute(
            "INSERT INTO ops.moved_rows (id, from_date) \
             SELECT id, CASE action WHEN 'u' THEN old_date ELSE new_date END \
             FROM pg_temp.verdict WHERE action IN ('u', 'l') AND old_date <> new_date \
             ORDER BY 1, 2 \
             ON CONFLICT (id, from_date) DO UPDATE SET moved_at = clock_timestamp()",
            &[],
        )
        .await
        .or_db("note moved rows")?;
    Ok(())
}

/// The end of a statement that marks the dates it selects.
pub const MARK: &str =
    "ORDER BY 1 ON CONFLICT (event_date) DO UPDATE SET marked_at = clock_timestamp()";

/// Marks the dates a changed row left and came to.
pub async fn mark_judged_dates(transaction: &Transaction<'_>) -> Result<()> {
    let statement = format!(
        "INSERT INTO ops.dirty_dates (event_date) \
         SELECT DISTINCT day FROM pg_temp.verdict, LATERAL (VALUES (old_date), (new_date)) AS d (day) \
         WHERE action = 'u' {MARK}"
    );
    transaction.execute(&statement, &[]).await.or_db("mark touched dates")?;
    Ok(())
}

/// Marks days given in days since 2000-01-01, without asking the database for them again.
pub async fn mark_dates(transaction: &Transaction<'_>, days: &BTreeSet<i32>) -> Result<()> {
    if days.is_empty() {
        return Ok(());
    }
    let dates = days
        .iter()
        .map(|day| values::date_of(*day).ok_or_else(|| Error::internal("impossible event date")))
        .collect::<Result<Vec<NaiveDate>>>()?;
    let statement =
        format!("INSERT INTO ops.dirty_dates (event_date) SELECT unnest($1::date[]) {MARK}");
    transaction.execute(&statement, &[&dates]).await.or_db("mark touched dates")?;
    Ok(())
}
