//! Entities, such as customers and products: the current row, and the history of every accepted
//! version.
//!
//! A row of `core.customers` is replaced only by one whose source is later or the same. A later
//! source that repeats the content still advances the stored order: else, after versions 1, 3
//! (same content as 1) and 2, version 2 would win. `core.customer_history` keeps, per effective
//! moment, the version with the latest source, so it too ends the same in whatever order the
//! files came. Entities whose history changed in content are marked for the dimensions, with the
//! earliest moment of such a change: what was before stays as it is. Where nothing was before, the
//! moment is `-infinity`.

use shopflow_core::contract::ManifestEntry;
use shopflow_core::dataset::{Column, Entity};
use shopflow_core::natural_key::NATURAL_KEY;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::PgResultExt;
use shopflow_postgres::indexes::{self, Parts};
use tokio_postgres::Transaction;

use crate::collisions;
use crate::columns::{quoted, stored_name};
use crate::context::Context;
use crate::counts::{Counts, expect};
use crate::rates;
use crate::references;
use crate::source::Order;
use crate::staging::{self, STORED_ORDER, Verdicts};

/// A row takes about this many bytes, a current one or one of the history.
const ROW_BYTES: i64 = 200;
/// Shorter than Postgres waits before it looks for a deadlock, so that this session hardly ever runs
/// into one: the usual way is good enough.
const PATIENCE: &str = "100ms";

/// How the statements name what a dataset has.
#[derive(Debug)]
struct Shape {
    name: &'static str,
    /// The tables of the current rows and of the history.
    current: String,
    history: String,
    /// A dimension wants to know what changes.
    is_watched: bool,
    /// Adds the names that lookup tables lack; keys are only spent on new ones.
    lookups: Vec<String>,
    /// Columns of the current row, and where they come from (`s` is staging).
    columns: Vec<(String, String)>,
    joins: String,
    /// Columns of the history, and where they come from.
    history_columns: Vec<(String, String)>,
}

impl Shape {
    fn of(dataset: Dataset, entity: Entity) -> Self {
        let own = || dataset.columns().iter().skip(1);
        let looked_up = || own().filter(|column| column.lookup.is_some());
        let staged = |column: &Column| format!("s.{}", quoted(column.name));
        let extra = || (quoted("extra"), "s.extra".to_owned());
        let columns = own().map(|column| {
            let value = match column.lookup {
                Some(lookup) => format!("{}.{}", alias(column), lookup.key),
                None => staged(column),
            };
            (quoted(stored_name(column)), value)
        });
        let history_columns = own().map(|column| (quoted(column.name), staged(column)));
        Shape {
            name: dataset.name(),
            current: format!("core.{dataset}"),
            history: format!("core.{}", entity.history),
            is_watched: entity.dimension.is_some(),
            lookups: looked_up().filter_map(add_names).collect(),
            columns: columns.chain([extra()]).collect(),
            joins: looked_up().filter_map(join).collect(),
            history_columns: history_columns.chain([extra()]).collect(),
        }
    }
}

/// What statements call the lookup table of a column.
fn alias(column: &Column) -> String {
    format!("{}_lookup", column.name)
}

fn add_names(column: &Column) -> Option<String> {
    let (name, table) = (quoted(column.name), column.lookup?.table);
    Some(format!(
        "INSERT INTO core.{table} (name) SELECT DISTINCT s.{name} FROM pg_temp.staging s \
         WHERE s.{name} IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM core.{table} l WHERE l.name = s.{name}) ORDER BY 1"
    ))
}

fn join(column: &Column) -> Option<String> {
    let (name, table, alias) = (quoted(column.name), column.lookup?.table, alias(column));
    let kind = if column.required { "JOIN" } else { "LEFT JOIN" };
    Some(format!(" {kind} core.{table} {alias} ON {alias}.name = s.{name}"))
}

/// Loads one file of entities.
pub async fn load(
    context: &Context,
    transaction: &Transaction<'_>,
    run_id: &str,
    entry: &ManifestEntry,
    entity: Entity,
) -> Result<Counts> {
    let shape = &Shape::of(entry.dataset, entity);
    let order = Order::of(entry);
    let staged = staging::stage(context, transaction, entry).await?;
    let inferred =
        references::infer_members(transaction, run_id, entry.dataset, "pg_temp.staging").await?;
    if staged.has(NATURAL_KEY) {
        collisions::check(transaction, entry).await?;
    }
    let verdicts = judge(transaction, shape, &order).await?;
    for statement in &shape.lookups {
        transaction.execute(statement, &[]).await.or_db("add names to lookup table")?;
    }
    let changed = verdicts.new + verdicts.completed + verdicts.updated;
    if changed > 0 && entry.dataset == Dataset::ExchangeRates {
        rates::mark_reached_dates(transaction).await?;
    }
    if verdicts.lost > 0 && shape.is_watched {
        mark_changed_past(transaction, shape, &order).await?;
    }
    let (current, history) = (shape.current.as_str(), shape.history.as_str());
    let tables = [current, history];
    let alone = verdicts.new >= context.bulk_entities
        && indexes::are_many(transaction, current, ROW_BYTES, verdicts.new).await?
        && indexes::are_many(transaction, history, ROW_BYTES, verdicts.new).await?
        && indexes::claim(transaction, &tables, Parts::References, PATIENCE).await?;
    let rebuild = match alone {
        true => indexes::take_down(transaction, &tables, Parts::References).await?,
        false => Vec::new(),
    };
    write_current(transaction, shape, &order, run_id, verdicts).await?;
    write_history(transaction, shape, &order, run_id).await?;
    indexes::build(transaction, &rebuild).await?;
    if changed > 0 && shape.is_watched {
        mark_changed(transaction, shape).await?;
    }
    let inserted = verdicts.new + verdicts.completed;
    let updated = verdicts.updated;
    let unchanged = staged.rows.saturating_sub(inserted + updated);
    Ok(Counts { rows: staged.rows, inserted, updated, unchanged, inferred, ..Counts::default() })
}

/// Compares the file with the table once. Rows that repeat the very source that is stored get no
/// verdict: there is nothing to write. What is stored stands in the history as well, so where it is
/// older than the file, a mark may have the file's moment (`since`).
async fn judge(transaction: &Transaction<'_>, shape: &Shape, order: &Order) -> Result<Verdicts> {
    let statement = format!(
        "INSERT INTO pg_temp.verdict (id, action, since) \
         SELECT s.id, CASE WHEN t.id IS NULL THEN 'n' WHEN t.is_inferred THEN 'c' \
             WHEN {STORED_ORDER} > ($1, $2, $3) THEN 'l' \
             WHEN t.row_hash <> s.row_hash THEN 'u' ELSE 'a' END::\"char\", \
             CASE WHEN t.effective_at < $1 AND NOT t.is_inferred THEN $1 ELSE '-infinity' END \
         FROM pg_temp.staging s LEFT JOIN {} t ON t.id = s.id \
         WHERE t.id IS NULL OR t.is_inferred OR t.row_hash <> s.row_hash \
             OR {STORED_ORDER} <> ($1, $2, $3)",
        shape.current
    );
    transaction
        .execute(&statement, &[&order.effective_at, &order.modified_at, &order.version_id])
        .await
        .or_db("compare rows")?;
    staging::verdicts(transaction).await
}

/// Marks the entities whose past this file changes although their present stays: it replaces
/// other content of the same moment, or stands between versions with other content before it.
async fn mark_changed_past(
    transaction: &Transaction<'_>,
    shape: &Shape,
    order: &Order,
) -> Result<()> {
    let statement = format!(
        "INSERT INTO ops.dirty_entities (dataset, id, since) \
         SELECT '{name}', s.id, CASE WHEN before.row_hash IS NULL THEN '-infinity' ELSE $1 END \
         FROM pg_temp.verdict v JOIN pg_temp.staging s USING (id) \
         LEFT JOIN {history} same ON same.id = v.id AND same.effective_at = $1 \
         LEFT JOIN LATERAL (SELECT h.row_hash FROM {history} h \
             WHERE h.id = v.id AND h.effective_at < $1 \
             ORDER BY h.effective_at DESC LIMIT 1) before ON true \
         WHERE v.action = 'l' AND CASE WHEN same.id IS NULL \
             THEN before.row_hash IS DISTINCT FROM s.row_hash \
             ELSE same.row_hash <> s.row_hash \
                 AND (same.source_modified_at, same.source_version_id COLLATE \"C\") <= ($2, $3) END \
         ORDER BY s.id \
         ON CONFLICT (dataset, id) DO UPDATE SET marked_at = clock_timestamp(), \
             since = least(dirty_entities.since, excluded.since)",
        name = shape.name,
        history = shape.history,
    );
    transaction
        .execute(&statement, &[&order.effective_at, &order.modified_at, &order.version_id])
        .await
        .or_db("mark entities with a changed past")?;
    Ok(())
}

async fn write_current(
    transaction: &Transaction<'_>,
    shape: &Shape,
    order: &Order,
    run_id: &str,
    verdicts: Verdicts,
) -> Result<()> {
    let Shape { current, joins, .. } = shape;
    let (columns, values) = lists(&shape.columns);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&order.effective_at, &order.modified_at, &order.version_id, &run_id];
    if verdicts.new > 0 {
        let statement = format!(
            "INSERT INTO {current} (id, {columns}, row_hash, effective_at, source_modified_at, \
                 source_version_id, source_run_id) \
             SELECT s.id, {values}, s.row_hash, $1, $2, $3, $4 \
             FROM pg_temp.staging s JOIN pg_temp.verdict v USING (id){joins} \
             WHERE v.action = 'n' ORDER BY s.id"
        );
        let written = transaction.execute(&statement, &parameters).await.or_db("insert rows")?;
        expect("inserted", written, verdicts.new)?;
    }
    if verdicts.completed + verdicts.updated > 0 {
        let set: Vec<String> =
            shape.columns.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        let statement = format!(
            "UPDATE {current} t SET {set}, row_hash = s.row_hash, is_inferred = false, \
                 row_version = t.row_version + 1, effective_at = $1, source_modified_at = $2, \
                 source_version_id = $3, source_run_id = $4, updated_at = now() \
             FROM pg_temp.staging s JOIN pg_temp.verdict v USING (id){joins} \
             WHERE t.id = s.id AND v.action IN ('c', 'u')",
            set = set.join(", ")
        );
        let written = transaction.execute(&statement, &parameters).await.or_db("update rows")?;
        expect("updated", written, verdicts.completed + verdicts.updated)?;
    }
    if verdicts.advanced > 0 {
        let statement = format!(
            "UPDATE {current} t SET effective_at = $1, source_modified_at = $2, \
                 source_version_id = $3, source_run_id = $4 \
             FROM pg_temp.verdict v WHERE t.id = v.id AND v.action = 'a'"
        );
        let written = transaction.execute(&statement, &parameters).await.or_db("advance rows")?;
        expect("advanced", written, verdicts.advanced)?;
    }
    Ok(())
}

async fn write_history(
    transaction: &Transaction<'_>,
    shape: &Shape,
    order: &Order,
    run_id: &str,
) -> Result<()> {
    let (columns, values) = lists(&shape.history_columns);
    let set: Vec<String> = shape
        .history_columns
        .iter()
        .map(|(column, _)| format!("{column} = excluded.{column}"))
        .collect();
    let statement = format!(
        "INSERT INTO {history} AS t (id, effective_at, {columns}, row_hash, source_modified_at, \
             source_version_id, source_run_id) \
         SELECT s.id, $1, {values}, s.row_hash, $2, $3, $4 \
         FROM pg_temp.staging s JOIN pg_temp.verdict v USING (id) ORDER BY s.id \
         ON CONFLICT (id, effective_at) DO UPDATE SET {set}, row_hash = excluded.row_hash, \
             source_modified_at = excluded.source_modified_at, \
             source_version_id = excluded.source_version_id, \
             source_run_id = excluded.source_run_id \
         WHERE (t.source_modified_at, t.source_version_id COLLATE \"C\") <= ($2, $3)",
        history = shape.history,
        set = set.join(", "),
    );
    transaction
        .execute(&statement, &[&order.effective_at, &order.modified_at, &order.version_id, &run_id])
        .await
        .or_db("write history")?;
    Ok(())
}

async fn mark_changed(transaction: &Transaction<'_>, shape: &Shape) -> Result<()> {
    let statement = format!(
        "INSERT INTO ops.dirty_entities (dataset, id, since) \
         SELECT '{}', id, since FROM pg_temp.verdict WHERE action IN ('n', 'c', 'u') ORDER BY id \
         ON CONFLICT (dataset, id) DO UPDATE SET marked_at = clock_timestamp(), \
             since = least(dirty_entities.since, excluded.since)",
        shape.name
    );
    transaction.execute(&statement, &[]).await.or_db("mark changed entities")?;
    Ok(())
}

fn lists(columns: &[(String, String)]) -> (String, String) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    (names.join(", "), values.join(", "))
}
