//! What no late event can change any more.

use std::time::Duration;

use shopflow_core::Result;
use shopflow_core::runtime::Invocation;
use shopflow_postgres::PgResultExt;
use shopflow_windows::Micros;

use crate::connection::Connection;
use crate::context::Context;
use crate::gate::{self, Patience};
use crate::moment::moment;

/// Visits of a round.
const ROUND: i64 = 5000;
/// No round is begun with less time left.
const RESERVE: Duration = Duration::from_secs(8);

const WINDOWS: &str = "UPDATE stream.windows SET is_final = true \
     WHERE stream = $1 AND definition = $2 AND window_name = $3 AND window_end <= $4 \
         AND NOT is_final";
const SESSIONS: &str = "WITH final AS ( \
         UPDATE stream.sessions SET is_final = true WHERE ctid = ANY (ARRAY( \
             SELECT ctid FROM stream.sessions AS ended \
             WHERE stream = $1 AND NOT is_final AND ended_at < $2 AND NOT EXISTS ( \
                 SELECT FROM stream.open_sessions AS near \
                 WHERE near.stream = ended.stream AND near.session_id = ended.session_id \
                     AND near.is_changed \
                     AND near.started_at <= ended.ended_at + $4::bigint * interval '1 microsecond' \
                     AND near.ended_at >= ended.started_at - $4::bigint * interval '1 microsecond' \
                     AND (near.started_at < ended.started_at OR near.ended_at > ended.ended_at)) \
             LIMIT $3)) \
         RETURNING session_id, started_at, ended_at), \
     gone AS ( \
         DELETE FROM stream.open_sessions AS open USING final \
         WHERE open.stream = $1 AND open.session_id = final.session_id \
             AND open.started_at >= final.started_at AND open.ended_at <= final.ended_at) \
     SELECT count(*) FROM final";

/// Marks windows and visits that are final at `watermark`, at which everything that is due has been
/// written. What shards have of such visits goes. A visit that another shard continues waits until
/// both have ended and are written, since they are one. What is written beside it and is no part of it
/// stays another visit: the gap was shorter then. False when time ran out.
///
/// # Errors
/// `Transient.Database`.
pub async fn mark(
    context: &Context,
    connection: &mut Connection,
    watermark: Micros,
    invocation: &Invocation,
) -> Result<bool> {
    mark_windows(context, connection, watermark).await?;
    while invocation.remaining() > RESERVE {
        if mark_sessions(context, connection, watermark).await? < ROUND {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn mark_windows(
    context: &Context,
    connection: &mut Connection,
    watermark: Micros,
) -> Result<()> {
    let stream = context.stream.as_str();
    let transaction = connection.client.transaction().await.or_db("begin marking windows")?;
    gate::is_the_one(&transaction, stream, Patience::Wait).await?;
    for definition in &context.definitions.windows {
        let lateness = shopflow_windows::micros(definition.lateness);
        let limit = moment(watermark.saturating_sub(lateness));
        for window in &definition.windows {
            transaction
                .execute(WINDOWS, &[&stream, &definition.name, &window.name, &limit])
                .await
                .or_db("mark windows")?;
        }
    }
    transaction.commit().await.or_db("commit marking windows")
}

async fn mark_sessions(
    context: &Context,
    connection: &mut Connection,
    watermark: Micros,
) -> Result<i64> {
    let stream = context.stream.as_str();
    let rules = &context.definitions.sessions;
    // The latest event that could still belong to a visit is at the end of the gap, and counts until
    // the watermark is its lateness beyond it.
    let open = shopflow_windows::micros(rules.gap)
        .saturating_add(shopflow_windows::micros(rules.lateness));
    let limit = moment(watermark.saturating_sub(open));
    let transaction = connection.client.transaction().await.or_db("begin marking visits")?;
    gate::is_the_one(&transaction, stream, Patience::Wait).await?;
    let gap = shopflow_windows::micros(rules.gap);
    let row = transaction.query_one(SESSIONS, &[&stream, &limit, &ROUND, &gap]).await;
    let marked = row.or_db("mark visits")?.get(0);
    transaction.commit().await.or_db("commit marking visits")?;
    Ok(marked)
}
