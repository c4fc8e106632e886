//! Up to which moment everything is known that ever will be known as of it.
//!
//! What a load writes counts as known from the start of its transaction, and what a transform takes
//! from when it took the file; both can be seen only when they have ended. So nothing is settled from
//! the start of the oldest one that is under way.

use shopflow_core::{Error, ErrorKind, Result};
use shopflow_features::Micros;
use tokio_postgres::Client;

use super::cells::Moment;
use crate::local::database::refused;

/// First the transactions: one that ends between the two questions is seen by the second.
const OPEN: &str = "
SELECT
    least(now(), min(xact_start)) AS since,
    count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
const TAKEN: &str = "SELECT min(attempted_at) FROM ops.lake_queue WHERE transformed_at IS NULL";

/// The last moment of which everything is known. Ask before the snapshot that is read.
///
/// # Errors
/// `InvalidInput` when the login may not see the transactions of others; `Transient.Database`.
pub async fn known_until(client: &Client) -> Result<Micros> {
    let failed = |error| refused(ErrorKind::TransientDatabase, "ask what is under way", error);
    let open = client.query_one(OPEN, &[]).await.map_err(failed)?;
    let Moment(since) = open.try_get(0).map_err(failed)?;
    if open.try_get::<_, i64>(1).map_err(failed)? > 0 {
        return Err(Error::invalid("the login may not see which transactions are under way")
            .hint("use the role of the pipeline, or GRANT pg_read_all_stats to yours"));
    }
    let taken = client.query_one(TAKEN, &[]).await.map_err(failed)?;
    let taken: Option<Moment> = taken.try_get(0).map_err(failed)?;
    Ok(taken.map_or(since, |Moment(taken)| since.min(taken)) - 1)
}
