//! Windows are made of their slices and written; a row whose figures are new gets another revision.

use std::borrow::Cow;
use std::pin::pin;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Definition, Micros, Rows, State, Steps, Window, is_too_late, slice_of};
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::plan::{Plan, Task};
use crate::context::Context;
use crate::moment::{micros, moment, slice_start};

const SLICES: &str = "SELECT slice_start, state FROM stream.slices \
     WHERE stream = $1 AND definition = $2 AND definition_version = $3 \
         AND slice_start >= $4 AND slice_start < $5 \
     ORDER BY slice_start, shard";
const WRITE: &str = "INSERT INTO stream.windows AS known (stream, definition, definition_version, \
         window_name, window_start, window_end, key, figures, is_final, closed_at) \
     SELECT $1, $2, $3, $4, $5::timestamptz, $6::timestamptz, key::jsonb, figures::jsonb, \
         $7::boolean, $8::timestamptz \
     FROM unnest($9::text[], $10::text[]) AS new (key, figures) \
     ON CONFLICT (stream, definition, window_name, window_start, key) DO UPDATE SET \
         definition_version = excluded.definition_version, window_end = excluded.window_end, \
         figures = excluded.figures, revision = known.revision + 1, \
         is_final = excluded.is_final, closed_at = excluded.closed_at \
     WHERE known.figures <> excluded.figures \
         OR known.definition_version <> excluded.definition_version";
// Keys move to the row of the others when there are too many of them.
const DELETE: &str = "DELETE FROM stream.windows AS known \
     WHERE stream = $1 AND definition = $2 AND window_name = $3 AND window_start = $4 \
         AND NOT EXISTS (SELECT FROM unnest($5::text[]) AS kept (key) \
                         WHERE kept.key::jsonb = known.key)";
const CLEAR: &str = "UPDATE stream.slices SET is_changed = false \
     WHERE stream = $1 AND is_changed AND slice_start < $2 \
         AND NOT EXISTS (SELECT FROM unnest($3::text[], $4::timestamptz[]) \
                             AS kept (definition, slice_start) \
                         WHERE kept.definition = slices.definition \
                             AND kept.slice_start = slices.slice_start)";

/// Writes windows. Those whose steps are of one length share them, so that each slice is read once;
/// how many are held, [`Steps`] bounds.
///
/// # Errors
/// `Transient.Database`, `Internal` when a slice cannot be decoded.
pub async fn write(
    transaction: &Transaction<'_>,
    context: &Context,
    plan: &Plan,
    now: Micros,
) -> Result<Written> {
    let mut windows = Vec::with_capacity(plan.tasks.len());
    for task in &plan.tasks {
        windows.push(Due::of(context, task)?);
    }
    windows.sort_by_key(|due| (due.task.definition, due.length, due.task.start, due.task.end));
    let sharing = windows.chunk_by(|one, next| one.shares_steps_with(next));
    let sharing: Vec<&[Due<'_>]> = sharing.collect();
    let mut written = Written::default();
    for windows in sharing {
        let Some(first) = windows.first() else { continue };
        let mut steps = Steps::new(first.definition, first.length);
        for due in windows {
            read(transaction, context, due, &mut steps).await?;
            let rows = steps.rows();
            let is_changed = due.write(transaction, context, &rows, plan.watermark, now).await?;
            written.new += u64::from(due.task.is_new);
            written.changed += u64::from(is_changed && !due.task.is_new);
        }
    }
    Ok(written)
}

/// What became of the windows of a plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// They were closed.
    pub new: u64,
    /// They were there, and have other figures now.
    pub changed: u64,
}

/// A window that is to be written.
#[derive(Debug, Clone, Copy)]
struct Due<'c> {
    task: &'c Task,
    definition: &'c Definition,
    window: &'c Window,
    /// Slices of its steps.
    length: i64,
}

impl<'c> Due<'c> {
    fn of(context: &'c Context, task: &'c Task) -> Result<Due<'c>> {
        let found = context.definitions.windows.get(task.definition);
        let parts = found.and_then(|found| Some((found, found.windows.get(task.window)?)));
        let (definition, window) =
            parts.ok_or_else(|| Error::internal("a window is of no definition"))?;
        Ok(Due { task, definition, window, length: Steps::length(window) })
    }

    fn shares_steps_with(&self, other: &Due<'_>) -> bool {
        (self.task.definition, self.length) == (other.task.definition, other.length)
    }

    /// Writes its rows; true when one is new or another one than before.
    async fn write(
        &self,
        transaction: &Transaction<'_>,
        context: &Context,
        rows: &Rows,
        watermark: Micros,
        now: Micros,
    ) -> Result<bool> {
        let Due { task, definition, window, .. } = self;
        let (keys, figures): (Vec<&str>, Vec<&str>) =
            rows.iter().map(|row| (row.key, row.figures)).unzip();
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
}

/// Reads the slices of a window, over all shards, that the steps do not have yet.
async fn read(
    transaction: &Transaction<'_>,
    context: &Context,
    due: &Due<'_>,
    steps: &mut Steps<'_>,
) -> Result<()> {
    let Due { task, definition, .. } = due;
    let missing = steps.go_to(task.start..task.end);
    if missing.is_empty() {
        return Ok(());
    }
    let (start, end) = (slice_start(missing.start), slice_start(missing.end));
    let parameters: [&(dyn ToSql + Sync); 5] =
        [&context.stream, &definition.name, &definition.version, &start, &end];
    let rows = transaction.query_raw(SLICES, parameters).await.or_db("read slices")?;
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await.or_db("read slices")? {
        let slice = slice_of(micros(row.get::<_, DateTime<Utc>>(0)));
        steps.add(slice, Cow::Owned(State::decode(definition, row.get(1))?));
    }
    Ok(())
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
