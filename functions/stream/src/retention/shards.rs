//! Shards that are gone: what was split or merged brings nothing any more. Its row goes, and what it
//! counted stays in the sums, under one name for all shards that are gone.

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::watermark::GONE;

use crate::connection::Connection;
use crate::context::Context;
use crate::gate::{self, Patience};
use crate::moment::moment;

// Of a stream at rest nobody can tell which shards are gone: others must have gone on.
const ARE_SOME_GONE: &str = "SELECT bool_or(updated_at < $3) AND bool_or(updated_at >= $3) \
     FROM stream.shards WHERE stream = $1 AND shard <> $2";
const FORGET: &str = "WITH gone AS ( \
         DELETE FROM stream.shards WHERE stream = $1 AND shard <> $2 AND updated_at < $3 \
         RETURNING *) \
     INSERT INTO stream.shards AS known (stream, shard, version, received, applied, repeated, \
         duplicates, refused, late, too_late, future, updated_at) \
     SELECT $1, $2, sum(version), sum(received), sum(applied), sum(repeated), \
         sum(duplicates), sum(refused), sum(late), sum(too_late), sum(future), $4::timestamptz \
     FROM gone HAVING count(*) > 0 \
     ON CONFLICT (stream, shard) DO UPDATE SET \
         version = known.version + excluded.version, \
         received = known.received + excluded.received, \
         applied = known.applied + excluded.applied, \
         repeated = known.repeated + excluded.repeated, \
         duplicates = known.duplicates + excluded.duplicates, \
         refused = known.refused + excluded.refused, late = known.late + excluded.late, \
         too_late = known.too_late + excluded.too_late, \
         future = known.future + excluded.future, updated_at = excluded.updated_at";

/// Forgets the shards that have brought nothing since `limit`, while others have. One that was only
/// silent is entered anew with its next batch; the events before it are too late for anything by now.
///
/// # Errors
/// `Transient.Database`.
pub async fn forget(
    context: &Context,
    connection: &mut Connection,
    limit: DateTime<Utc>,
) -> Result<()> {
    let stream = context.stream.as_str();
    let row = connection.client.query_one(ARE_SOME_GONE, &[&stream, &GONE, &limit]).await;
    if row.or_db("look for shards that are gone")?.get::<_, Option<bool>>(0) != Some(true) {
        return Ok(());
    }
    let transaction = connection.client.transaction().await.or_db("begin forgetting shards")?;
    // The row of a shard whose batch is under way stays.
    gate::close(&transaction, stream, Patience::Wait).await?;
    let now = moment(context.now());
    let forgotten = transaction.execute(FORGET, &[&stream, &GONE, &limit, &now]).await;
    forgotten.or_db("forget shards that are gone")?;
    transaction.commit().await.or_db("commit forgetting shards")
}
