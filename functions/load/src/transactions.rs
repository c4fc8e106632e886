//! Transactions: the upsert with the history of replaced versions, inferred members for unknown
//! references, and what `transform` has to recompute: event dates (UTC), and ids that silver must
//! drop from a date they are no longer on.

use shopflow_core::contract::ManifestEntry;
use shopflow_core::natural_key::NATURAL_KEY;
use shopflow_core::vocabulary::Vocabulary;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::chunks::Chunks;
use crate::compare::Comparison;
use crate::context::Context;
use crate::counts::{Counts, expect};
use crate::encode::Encoder;
use crate::names::Names;
use crate::replaced::{self, Replaced};
use crate::{bulk, collisions, columns, indexes, staging, touched};

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
    let mut comparison = Comparison::new(transaction, entry, staging::COPY).await?;
    let encoder = Encoder::new(Dataset::Transactions, names)
        .with_extra(context.keeps_extra(Dataset::Transactions))
        .appended(1);
    let mut chunks = Chunks::open(&context.storage, entry, encoder).await?;
    while let Some(chunk) = chunks.next().await {
        comparison.add(&chunk).await?;
    }
    let encoder = chunks.finish().await?;
    let (rows, has_keys) = (encoder.rows, encoder.has(NATURAL_KEY));
    encoder.names.write_added(transaction).await?;
    let (found, confirmations) = comparison.finish();
    let alone = found.new >= context.bulk_rows
        && indexes::are_many(transaction, found.new).await?
        && indexes::claim(transaction).await?;
    let inferred = found.references.infer_members(transaction, run_id, "pg_temp.staging").await?;
    if has_keys && found.updated + found.lost > 0 {
        collisions::check(transaction, entry).await?;
    }
    let mut replaced = Replaced::default();
    if found.updated + found.lost > 0 {
        touched::read_stored(transaction).await?;
        replaced = replaced::count(transaction).await?;
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
    confirmations.finish(transaction, source_id).await?;
    if found.updated + found.lost > 0 {
        touched::note_moves(transaction).await?;
        touched::mark_judged_dates(transaction).await?;
    }
    touched::mark_dates(transaction, &found.new_days).await?;
    let unchanged = rows.saturating_sub(found.new + found.updated);
    let (inserted, updated) = (found.new, found.updated);
    Ok(Counts { rows, inserted, updated, unchanged, inferred, replaced })
}

async fn insert(transaction: &Transaction<'_>, source_id: i32, rows: u64) -> Result<()> {
    let own = columns::of_events(Dataset::Transactions);
    let written = transaction
        .execute(
            &format!(
                "INSERT INTO core.transactions (id, {columns}, row_hash, source_id) \
                 SELECT id, {columns}, row_hash, $1 \
                 FROM pg_temp.staging WHERE action = 'n' ORDER BY id",
                columns = own.join(", ")
            ),
            &[&source_id],
        )
        .await
        .or_db("insert rows")?;
    expect("inserted", written, rows)
}

async fn update(transaction: &Transaction<'_>, source_id: i32, rows: u64) -> Result<()> {
    let own = columns::of_events(Dataset::Transactions);
    let keep = format!(
        "INSERT INTO core.transaction_history (id, {columns}, row_version, row_hash, source_id, \
             written_at, replaced_by_source_id) \
         SELECT t.id, {stored}, t.row_version, t.row_hash, t.source_id, t.updated_at, $1 \
         FROM pg_temp.staging s JOIN core.transactions t ON t.id = s.id \
         WHERE s.action = 'u' ORDER BY t.id",
        columns = own.join(", "),
        stored = own.iter().map(|name| format!("t.{name}")).collect::<Vec<_>>().join(", "),
    );
    let written = transaction.execute(&keep, &[&source_id]).await.or_db("keep versions")?;
    expect("kept", written, rows)?;
    let update = format!(
        "UPDATE core.transactions t SET {set}, row_hash = s.row_hash, \
             row_version = t.row_version + 1, source_id = $1, updated_at = now() \
         FROM pg_temp.staging s WHERE t.id = s.id AND s.action = 'u'",
        set = own.iter().map(|name| format!("{name} = s.{name}")).collect::<Vec<_>>().join(", "),
    );
    let written = transaction.execute(&update, &[&source_id]).await.or_db("update rows")?;
    expect("updated", written, rows)
}
