//! Has transform finished what load handed over?

use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::{ToSql, Type};

use super::{Check, Layer};

/// The open and closed work of the lake.
#[derive(Debug, Clone, Default)]
pub struct QueueFacts {
    /// Files of this run that no transform has finished.
    pub open_files: i64,
    /// Files of other runs that wait.
    pub open_files_of_others: i64,
    /// Dates and entities marked for recomputation.
    pub dirty: i64,
}

const STATE: &str = "
SELECT (SELECT count(*) FROM ops.lake_queue WHERE transformed_at IS NULL AND run_id = $1),
       (SELECT count(*) FROM ops.lake_queue WHERE transformed_at IS NULL AND run_id <> $1),
       (SELECT count(*) FROM ops.dirty_dates) + (SELECT count(*) FROM ops.dirty_entities)";

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client, run_id: &str) -> Result<QueueFacts> {
    let run: [(&(dyn ToSql + Sync), Type); 1] = [(&run_id, Type::TEXT)];
    let state = client.query_typed_one(STATE, &run).await.or_db("measure lake queue")?;
    Ok(QueueFacts {
        open_files: state.get(0),
        open_files_of_others: state.get(1),
        dirty: state.get(2),
    })
}

/// Checks of the hand-over.
pub fn judge(facts: &QueueFacts) -> Vec<Check> {
    let closed = Check::equal(Layer::Lake, "lake.queue.closed", 0, facts.open_files)
        .detail("files of this run that transform has not finished");
    // Marks are set and cleared together with queue rows: without an open file nothing may be left.
    let waiting = facts.open_files + facts.open_files_of_others > 0;
    let marks = Check::equal(Layer::Warehouse, "warehouse.marks.cleared", 0, facts.dirty)
        .passed_if(facts.dirty == 0 || waiting)
        .warning()
        .detail("dates and entities marked for recomputation though no file waits");
    vec![closed, marks]
}
