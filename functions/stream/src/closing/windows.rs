//! A window is made of its slices and written; a row whose figures are new gets another revision.

use std::pin::pin;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde_json::Value;
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Definition, Micros, State, is_too_late, slice_of};
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::plan::{Plan, Task};
use crate::context::Context;
use crate::moment::{moment, slice_start};

const SLICES: &str = "SELECT state FROM stream.slices \
     WHERE stream = $1 AND definition = $2 AND definition_version = $3 \
         AND slice_start >= $4 AND slice_start < $5 \
     ORDER BY slice_start, shard";
const WRITE: &str = "INSERT INTO stream.windows AS known (stream, definition, definition_version, \
         window_name, window_start, window_end, key, figures, is_final, closed_at) \
     SELECT $1, $2, $3, $4, $5::timestamptz, $6::timestamptz, key, figures, $7::boolean, \
         $8::timestamptz \
     FROM unnest($9::jsonb[], $10::jsonb[]) AS new (key, figures) \
     ON CONFLICT (stream, definition, window_name, window_start, key) DO UPDATE SET \
         definition_version = excluded.definition_version, window_end = excluded.window_end, \
         figures = excluded.figures, revision = known.revision + 1, \
         is_final = excluded.is_final, closed_at = excluded.closed_at \
     WHERE known.figures <> excluded.figures \
         OR known.definition_version <> excluded.definition_version";
// Keys move to the row of the others when there are too many of them.
const DELETE: &str = "DELETE FROM stream.windows AS known \
     WHERE stream = $1 AND definition = $2 AND window_name = $3 AND window_start = $4 \
         AND NOT EXISTS (SELECT FROM unnest($5::jsonb[]) AS kept (key) \
                         WHERE kept.key = known.key)";
const CLEAR: &str = "UPDATE stream.slices SET is_changed = false \
     WHERE stream = $1 AND is_changed AND slice_start < $2 \
         AND NOT EXISTS (SELECT FROM unnest($3::text[], $4::timestamptz[]) \
                             AS kept (definition, slice_start) \
                         WHERE kept.definition = slices.definition \
                             AND kept.slice_start = slices.slice_start)";

/// Writes a window; true when a row of it is new or another one than before.
///
/// # Errors
/// `Transient.Database`, `Internal` when a slice cannot be decoded.
pub async fn write(
    transaction: &Transaction<'_>,
    context: &Context,
    task: &Task,
    watermark: Micros,
    now: Micros,
) -> Result<bool> {
    let found = context.definitions.windows.get(task.definition);
    let parts = found.and_then(|found| Some((found, found.windows.get(task.window)?)));
    let (definition, window) =
        parts.ok_or_else(|| Error::internal("a window is of no definition"))?;
    let state = merged(transaction, context, definition, task).await?;
    let (keys, figures): (Vec<Value>, Vec<Value>) =
        state.rows(definition).into_iter().map(|row| (row.key, row.figures)).unzip();
    let (start, end) = (slice_start(task.start), slice_start(task.end));
    let stream = &context.stream;
    let mut changed = 0;
    if !task.is_new {
        let parameters: [&(dyn ToSql + Sync); 5] =
            [stream, &definition.name, &window.name, &start, &keys];
        changed += transaction.execute(DELETE, &parameters).await.or_db("delete window")?;
    }
    let is_final = is_too_late(task.end - 1, Some(watermark), definition.lateness);
    let now = moment(now);
    let parameters: [&(dyn ToSql + Sync); 10] = [
        stream,
        &definition.name,
        &definition.version,
        &window.name,
        &start,
        &end,
        &is_final,
        &now,
        &keys,
        &figures,
    ];
    changed += transaction.execute(WRITE, &parameters).await.or_db("write window")?;
    Ok(changed > 0)
}

/// The slices of a window over all shards, added up one by one.
async fn merged(
    transaction: &Transaction<'_>,
    context: &Context,
    definition: &Definition,
    task: &Task,
) -> Result<State> {
    let (start, end) = (slice_start(task.start), slice_start(task.end));
    let parameters: [&(dyn ToSql + Sync); 5] =
        [&context.stream, &definition.name, &definition.version, &start, &end];
    let rows = transaction.query_raw(SLICES, parameters).await.or_db("read slices")?;
    let mut rows = pin!(rows);
    let mut state = State::new(definition);
    while let Some(row) = rows.try_next().await.or_db("read slices")? {
        state.merge(definition, &State::decode(definition, row.get(0))?);
    }
    Ok(state)
}

/// Notes that the windows of the slices that have ended are written, but for what the plan leaves.
///
/// # Errors
/// `Transient.Database`.
pub async fn clear(transaction: &Transaction<'_>, context: &Context, plan: &Plan) -> Result<()> {
    let name = |place: usize| {
        context.definitions.windows.get(place).map_or("", |definition| definition.name.as_str())
    };
    let names: Vec<&str> = plan.left.iter().map(|(place, _)| name(*place)).collect();
    let starts: Vec<DateTime<Utc>> =
        plan.left.iter().map(|(_, slice)| slice_start(*slice)).collect();
    let end = slice_start(slice_of(plan.watermark));
    let cleared = transaction.execute(CLEAR, &[&context.stream, &end, &names, &starts]).await;
    cleared.or_db("note written slices").map(|_| ())
}
