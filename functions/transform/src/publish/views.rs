//! Materialised views that somebody has made in the warehouse, after a publication.

use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};

/// Refreshes the views whose inputs have changed since their last refresh, while the old rows can
/// be read; how many those were. Without a change this is one query over a few rows, so every call
/// of transform ends with it, and what a crash left stale is completed by the next.
///
/// # Errors
/// `Transient.Database`.
pub async fn refresh(client: &Client) -> Result<u64> {
    let row = client.query_one("SELECT ops.refresh_views()", &[]).await.or_db("refresh views")?;
    Ok(u64::try_from(row.get::<_, i32>(0)).unwrap_or_default())
}
