//! Transactions: the upsert, inferred members for unknown references, and what `transform` has to
//! recompute: event dates (UTC), and ids that silver must drop from a date they are no longer on.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use shopflow_core::contract::ManifestEntry;
use shopflow_core::dataset::PAYMENT_METHODS;
use shopflow_core::{Dataset, Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::entities::expect;
use crate::staging::{self, Order, STORED_ORDER, Verdicts};
use crate::{Context, Counts, audit, bulk, values};

const STAGED_DATE: &str = "(s.\"timestamp\" AT TIME ZONE 'UTC')::date";
const STORED_DATE: &str = "(t.\"timestamp\" AT TIME ZONE 'UTC')::date";

/// Loads one file of transactions.
pub async fn load(
    context: &Context,
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
) -> Result<Counts> {
    let keys = payment_methods(transaction).await?;
    if entry.rows >= context.bulk_rows
        && let Some(counts) = bulk::load(context, transaction, run_id, entry, &keys).await?
    {
        return Ok(counts);
    }
    let order = Order::of(entry);
    let staged = staging::stage(context, transaction, entry, keys).await?;
    let mut inferred = 0;
    for (dataset, reference) in REFERENCES {
        inferred +=
            audit::infer_members(transaction, run_id, dataset, "pg_temp.staging", reference)
                .await?;
    }
    let verdicts = judge(transaction, &order).await?;
    write(transaction, &order, run_id, verdicts).await?;
    if verdicts.updated + verdicts.lost > 0 {
        note_moves(transaction).await?;
    }
    if verdicts.new == staged.rows {
        mark_dates(transaction, &staged.days).await?;
    } else if verdicts.new + verdicts.updated > 0 {
        mark_judged_dates(transaction).await?;
    }
    let unchanged = staged.rows.saturating_sub(verdicts.new + verdicts.updated);
    Ok(Counts {
        rows: staged.rows,
        inserted: verdicts.new,
        updated: verdicts.updated,
        unchanged,
        inferred,
    })
}

/// What a transaction refers to, in the order the datasets are locked.
pub const REFERENCES: [(Dataset, &str); 2] =
    [(Dataset::Customers, "customer_id"), (Dataset::Products, "product_id")];

/// The keys of the payment methods. The set is closed, so all of them are put in at once.
async fn payment_methods(transaction: &Transaction<'_>) -> Result<HashMap<String, i16>> {
    let read = "SELECT name, payment_method_id FROM core.payment_methods";
    let known = transaction.query(read, &[]).await.or_db("read payment methods")?;
    let keys = |rows: Vec<tokio_postgres::Row>| -> HashMap<String, i16> {
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    let known = keys(known);
    let missing: Vec<&str> =
        PAYMENT_METHODS.iter().filter(|name| !known.contains_key(**name)).copied().collect();
    if missing.is_empty() {
        return Ok(known);
    }
    transaction
        .execute("INSERT INTO core.payment_methods (name) SELECT unnest($1::text[])", &[&missing])
        .await
        .or_db("add payment methods")?;
    Ok(keys(transaction.query(read, &[]).await.or_db("read payment methods")?))
}

/// Compares the file with the table once. Rows that repeat the stored source get no verdict, nor
/// do earlier versions on the same event date: there is nothing to write for them.
async fn judge(transaction: &Transaction<'_>, order: &Order) -> Result<Verdicts> {
    let statement = format!(
        "INSERT INTO pg_temp.verdict (id, action, old_date, new_date) \
         SELECT s.id, CASE WHEN t.id IS NULL THEN 'n' \
             WHEN {STORED_ORDER} > ($1, $2, $3) THEN 'l' \
             WHEN t.row_hash <> s.row_hash THEN 'u' ELSE 'a' END::\"char\", \
             {STORED_DATE}, {STAGED_DATE} \
         FROM pg_temp.staging s LEFT JOIN core.transactions t ON t.id = s.id \
         WHERE t.id IS NULL \
             OR CASE WHEN {STORED_ORDER} > ($1, $2, $3) THEN {STORED_DATE} <> {STAGED_DATE} \
                ELSE t.row_hash <> s.row_hash OR {STORED_ORDER} <> ($1, $2, $3) END"
    );
    transaction
        .execute(&statement, &[&order.effective_at, &order.modified_at, &order.version_id])
        .await
        .or_db("compare rows")?;
    staging::verdicts(transaction).await
}

async fn write(
    transaction: &Transaction<'_>,
    order: &Order,
    run_id: &str,
    verdicts: Verdicts,
) -> Result<()> {
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&order.effective_at, &order.modified_at, &order.version_id, &run_id];
    if verdicts.new > 0 {
        let written = transaction
            .execute(
                "INSERT INTO core.transactions (id, customer_id, product_id, quantity, \
                     \"timestamp\", payment_method_id, row_hash, effective_at, \
                     source_modified_at, source_version_id, source_run_id) \
                 SELECT s.id, s.customer_id, s.product_id, s.quantity, s.\"timestamp\", \
                     s.payment_method_id, s.row_hash, $1, $2, $3, $4 \
                 FROM pg_temp.staging s JOIN pg_temp.verdict v USING (id) \
                 WHERE v.action = 'n' ORDER BY s.id",
                &parameters,
            )
            .await
            .or_db("insert rows")?;
        expect("inserted", written, verdicts.new)?;
    }
    if verdicts.updated > 0 {
        let written = transaction
            .execute(
                "UPDATE core.transactions t SET customer_id = s.customer_id, \
                     product_id = s.product_id, quantity = s.quantity, \
                     \"timestamp\" = s.\"timestamp\", payment_method_id = s.payment_method_id, \
                     row_hash = s.row_hash, row_version = t.row_version + 1, effective_at = $1, \
                     source_modified_at = $2, source_version_id = $3, source_run_id = $4, \
                     updated_at = now() \
                 FROM pg_temp.staging s JOIN pg_temp.verdict v USING (id) \
                 WHERE t.id = s.id AND v.action = 'u'",
                &parameters,
            )
            .await
            .or_db("update rows")?;
        expect("updated", written, verdicts.updated)?;
    }
    if verdicts.advanced > 0 {
        let written = transaction
            .execute(
                "UPDATE core.transactions t SET effective_at = $1, source_modified_at = $2, \
                     source_version_id = $3, source_run_id = $4 \
                 FROM pg_temp.verdict v WHERE t.id = v.id AND v.action = 'a'",
                &parameters,
            )
            .await
            .or_db("advance rows")?;
        expect("advanced", written, verdicts.advanced)?;
    }
    Ok(())
}

/// Notes the dates an id is not, or no longer, on: the old date of a moved row, and the date an
/// earlier version brings along, since its bronze file puts it there. A date an id comes back to
/// is no longer one to drop it from.
async fn note_moves(transaction: &Transaction<'_>) -> Result<()> {
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

const MARK: &str =
    "ORDER BY 1 ON CONFLICT (event_date) DO UPDATE SET marked_at = clock_timestamp()";

async fn mark_judged_dates(transaction: &Transaction<'_>) -> Result<()> {
    let statement = format!(
        "INSERT INTO ops.dirty_dates (event_date) \
         SELECT DISTINCT day FROM pg_temp.verdict, LATERAL (VALUES (old_date), (new_date)) AS d (day) \
         WHERE action IN ('n', 'u') AND day IS NOT NULL {MARK}"
    );
    transaction.execute(&statement, &[]).await.or_db("mark touched dates")?;
    Ok(())
}

/// Marks days given in days since 2000-01-01, without asking the database for them again.
pub async fn mark_dates(transaction: &Transaction<'_>, days: &BTreeSet<i32>) -> Result<()> {
    let dates = days
        .iter()
        .map(|day| values::date_of(*day).ok_or_else(|| Error::internal("impossible event date")))
        .collect::<Result<Vec<NaiveDate>>>()?;
    let statement =
        format!("INSERT INTO ops.dirty_dates (event_date) SELECT unnest($1::date[]) {MARK}");
    transaction.execute(&statement, &[&dates]).await.or_db("mark touched dates")?;
    Ok(())
}
