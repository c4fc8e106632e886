//! One call: capture under a lock, by decoding or by watermark.

use shopflow_core::contract::{CdcEvent, CdcResult};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::CdcMode;
use shopflow_core::{Error, Result};
use shopflow_postgres::{Client, PgResultExt, locks};

use crate::context::Context;
use crate::{logical, watermark};

/// Texts of values do not depend on what a role or database prefers.
const SESSION: &str = "SET bytea_output = 'hex'; SET intervalstyle = 'postgres'; \
     SET extra_float_digits = 1; SET datestyle = 'ISO'; SET timezone = 'UTC'";

/// Captures what has changed since the last call.
///
/// # Errors
/// `InvalidInput` when the server, the role or the configuration does not allow it, with what to
/// do; `Transient.*`; `Internal` when a change cannot be understood or accounted for.
pub async fn handle(
    context: &Context,
    event: CdcEvent,
    invocation: &Invocation,
) -> Result<CdcResult> {
    if context.settings.mode == CdcMode::Off {
        return Ok(skipped("off", "cdc.mode is off"));
    }
    let mut client = context.database.connect().await?;
    context.database.migrate(&mut client).await?;
    client.batch_execute(SESSION).await.or_db("set up session")?;
    // Released with the session, however it ends.
    let sql = "SELECT pg_try_advisory_lock($1), current_setting('wal_level')";
    let row = client.query_one(sql, &[&locks::CDC]).await.or_db("lock change data capture")?;
    let can_decode = row.get::<_, &str>(1) == "logical";
    let is_logical = match context.settings.mode {
        CdcMode::Auto => can_decode,
        mode => mode == CdcMode::Logical,
    };
    if !row.get::<_, bool>(0) {
        let mode = if is_logical { "logical" } else { "watermark" };
        return Ok(skipped(mode, "another call is at work"));
    }
    let result = if is_logical {
        Box::pin(logical::run(context, &mut client, event.snapshot, invocation)).await?
    } else {
        Box::pin(watermark::run(context, &mut client, invocation)).await?
    };
    report(&result, invocation)?;
    unlock(&client).await?;
    Ok(result)
}

/// The session would end and release the lock, but a little later than this answer.
async fn unlock(client: &Client) -> Result<()> {
    let unlocked = client.execute("SELECT pg_advisory_unlock($1)", &[&locks::CDC]).await;
    unlocked.or_db("unlock change data capture").map(|_| ())
}

fn skipped(mode: &str, why: &str) -> CdcResult {
    tracing::info!(mode, why, "skipped");
    CdcResult { mode: mode.to_owned(), skipped: Some(why.to_owned()), ..CdcResult::default() }
}

fn report(result: &CdcResult, invocation: &Invocation) -> Result<()> {
    for source in &result.sources {
        if !source.is_balanced() {
            return Err(Error::internal("changes read are not the changes written")
                .with("source", &source.source));
        }
        for (table, operations) in &source.changes {
            let changes = operations.values().sum();
            invocation.metrics.count("ChangesCaptured", changes, &[("Table", table)]);
        }
        tracing::info!(
            source = source.source,
            to = source.to_lsn,
            transactions = source.transactions,
            read = source.changes_read,
            written = source.changes_written,
            objects = source.objects.len(),
            lag_bytes = source.lag_bytes,
            lag_seconds = source.lag_seconds,
            "captured"
        );
    }
    Ok(())
}
