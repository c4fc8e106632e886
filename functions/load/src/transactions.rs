//! Transactions: the upsert with the history of replaced versions, inferred members for unknown
//! references, and what `transform` has to recompute: event dates (UTC), and ids that silver must
//! drop from a date they are no longer on.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use shopflow_core::contract::ManifestEntry;
use shopflow_core::vocabulary::Vocabulary;
use shopflow_core::{Dataset, Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::chunks::Chunks;
use crate::compare::Comparison;
use crate::encode::Encoder;
use crate::entities::expect;
use crate::names::Names;
use crate::{Context, Counts, bulk, indexes, staging, values};

const STAGED_DATE: &str = "(s.\"timestamp\" AT TIME ZONE 'UTC')::date";
const STORED_DATE: &str = "(t.\"timestamp\" AT TIME ZONE 'UTC')::date";

/// Loads one file of transactions.
pub async fn load(
    context: &Context,
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
    source_id: i32,
) -> Result<Counts> {
    let configured = context.vocabulary.of(Vocabulary::PaymentMethods);
    let names = Names::payment_methods(transaction, configured).await?;
    if entry.rows >= context.bulk_rows
        && let Some(counts) =
            bulk::load(context, transaction, run_id, entry, source_id, &names).await?
    {
        return Ok(counts);
    }
    staging::create(transaction, Dataset::Transactions).await?;
    let mut comparison = Comparison::new(transaction, entry, source_id, staging::COPY).await?;
    let encoder = Encoder::new(Dataset::Transactions, names)
        .with_extra(context.keeps_extra(Dataset::Transactions))
        .appended(1);
    let mut chunks = Chunks::open(&context.storage, entry, encoder).await?;
    while let Some(chunk) = chunks.next().await {
        comparison.add(&chunk).await?;
    }
    let encoder = chunks.finish().await?;
    let rows = encoder.rows;
    encoder.names.write_added(transaction).await?;
    let found = comparison.finish().await?;
    let alone =
        are_many(context, transaction, found.new).await? && indexes::claim(transaction).await?;
    let inferred = found.references.infer_members(transaction, run_id, "pg_temp.staging").await?;
    if found.updated + found.lost > 0 {
        read_dates(transaction).await?;
    }
    if found.updated > 0 {
        update(transaction, source_id, found.updated).await?;
    }
    if alone {
        let rebuild = indexes::take_down(transaction).await?;
        insert(transaction, source_id, found.new).await?;
        indexes::build(transaction, &rebuild).await?;
    } else if found.new > 0 {
        insert(transaction, source_id, found.new).await?;
    }
    if found.updated + found.lost > 0 {
        note_moves(transaction).await?;
        mark_judged_dates(transaction).await?;
    }
    mark_dates(transaction, &found.new_days).await?;
    let unchanged = rows.saturating_sub(found.new + found.updated);
    Ok(Counts { rows, inserted: found.new, updated: found.updated, unchanged, inferred })
}

/// Keeps the stored date of the rows that differ, before it is overwritten.
async fn read_dates(transaction: &Transaction<'_>) -> Result<()> {
    let statement = format!(
        "INSERT INTO pg_temp.verdict (id, action, old_date, new_date) \
         SELECT s.id, s.action, {STORED_DATE}, {STAGED_DATE} \
         FROM pg_temp.staging s JOIN core.transactions t ON t.id = s.id \
         WHERE s.action IN ('u', 'l')"
    );
    transaction.execute(&statement, &[]).await.or_db("read dates")?;
    Ok(())
}

/// A row of the table takes about this many bytes.
const ROW_BYTES: i64 = 100;
/// Indexes and foreign keys are built anew for this many stored rows in the time it takes to keep
/// them up for one.
const STORED_PER_NEW: i64 = 8;

/// True when `new` rows are written faster without indexes and foreign keys.
async fn are_many(context: &Context, transaction: &Transaction<'_>, new: u64) -> Result<bool> {
    if new < context.bulk_rows {
        return Ok(false);
    }
    let size = format!("SELECT pg_relation_size('{}')", indexes::TABLE);
    let row = transaction.query_one(&size, &[]).await.or_db("read size of table")?;
    Ok(row.get::<_, i64>(0) / ROW_BYTES <= (new as i64).saturating_mul(STORED_PER_NEW))
}

async fn insert(transaction: &Transaction<'_>, source_id: i32, rows: u64) -> Result<()> {
    let written = transaction
        .execute(
            "INSERT INTO core.transactions (id, customer_id, product_id, quantity, \
                 \"timestamp\", payment_method_id, row_hash, extra, source_id) \
             SELECT id, customer_id, product_id, quantity, \"timestamp\", \
                 payment_method_id, row_hash, extra, $1 \
             FROM pg_temp.staging WHERE action = 'n' ORDER BY id",
            &[&source_id],
        )
        .await
        .or_db("insert rows")?;
    expect("inserted", written, rows)
}

async fn update(transaction: &Transaction<'_>, source_id: i32, rows: u64) -> Result<()> {
    let written = transaction.execute(KEEP, &[&source_id]).await.or_db("keep versions")?;
    expect("kept", written, rows)?;
    let written = transaction.execute(UPDATE, &[&source_id]).await.or_db("update rows")?;
    expect("updated", written, rows)
}

const KEEP: &str = "\
    INSERT INTO core.transaction_history (id, row_version, customer_id, product_id, quantity, \
        \"timestamp\", payment_method_id, extra, row_hash, source_id, written_at, \
        replaced_by_source_id) \
    SELECT t.id, t.row_version, t.customer_id, t.product_id, t.quantity, t.\"timestamp\", \
        t.payment_method_id, t.extra, t.row_hash, t.source_id, t.updated_at, $1 \
    FROM pg_temp.staging s JOIN core.transactions t ON t.id = s.id \
    WHERE s.action = 'u' ORDER BY t.id";

const UPDATE: &str = "\
    UPDATE core.transactions t SET customer_id = s.customer_id, product_id = s.product_id, \
        quantity = s.quantity, \"timestamp\" = s.\"timestamp\", \
        payment_method_id = s.payment_method_id, row_hash = s.row_hash, extra = s.extra, \
        row_version = t.row_version + 1, source_id = $1, updated_at = now() \
    FROM pg_temp.staging s WHERE t.id = s.id AND s.action = 'u'";

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
