//! The replication slot, over the SQL interface of logical decoding.

use shopflow_core::{Error, ErrorKind, Result};
use shopflow_postgres::{Client, PgResultExt, db_error};
use tokio_postgres::RowStream;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{PgLsn, ToSql};

/// The only plug-in that every Postgres, RDS included, brings along.
const PLUGIN: &str = "pgoutput";
/// Longest name of a slot (`NAMEDATALEN - 1`).
const NAME_BYTES: usize = 63;

/// What the server says about the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Changes before it are not sent again.
    pub confirmed: u64,
    /// The server has dropped log that the slot needs.
    pub is_lost: bool,
}

/// `<prefix>_<database>`: slots belong to the server, not to the database.
pub fn name(prefix: &str, database: &str) -> String {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_');
    let database = database.chars().map(|c| if allowed(c) { c } else { '_' });
    let mut name: String = prefix.chars().chain(['_']).chain(database).collect();
    name.truncate(NAME_BYTES);
    name
}

/// Looks the slot up.
///
/// # Errors
/// `InvalidInput` when a slot of this name serves somebody else.
pub async fn find(client: &Client, name: &str) -> Result<Option<Slot>> {
    let sql = "SELECT plugin = $2 AND database = current_database(), confirmed_flush_lsn, \
                   coalesce(wal_status = 'lost', false) \
                       OR to_jsonb(slot) ->> 'invalidation_reason' IS NOT NULL \
               FROM pg_replication_slots AS slot WHERE slot_name = $1";
    let row = client.query_opt(sql, &[&name, &PLUGIN]).await.or_db("look up replication slot")?;
    let Some(row) = row else { return Ok(None) };
    if !row.get::<_, Option<bool>>(0).unwrap_or(false) {
        return Err(Error::invalid("replication slot serves another database or plug-in")
            .with("slot", name)
            .hint("set cdc.slot to a name of its own"));
    }
    let confirmed = row.get::<_, Option<PgLsn>>(1).map_or(0, u64::from);
    Ok(Some(Slot { confirmed, is_lost: row.get(2) }))
}

/// Makes the slot; the position from which on every transaction that commits is sent. The server
/// first waits for the transactions that are under way.
///
/// # Errors
/// `InvalidInput` when the role may not, `Transient.Database` when there are too many slots.
pub async fn create(client: &Client, name: &str) -> Result<u64> {
    let sql = "SELECT lsn FROM pg_create_logical_replication_slot($1, $2)";
    let row = client.query_one(sql, &[&name, &PLUGIN]).await;
    let row = row.map_err(|error| slot_error("create replication slot", error, name))?;
    Ok(row.get::<_, PgLsn>(0).into())
}

/// Drops the slot if there is one.
///
/// # Errors
/// `Transient.Database` when somebody reads it.
pub async fn drop(client: &Client, name: &str) -> Result<()> {
    let sql = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
               WHERE slot_name = $1";
    let dropped = client.execute(sql, &[&name]).await;
    dropped.map_err(|error| slot_error("drop replication slot", error, name)).map(|_| ())
}

/// Tells the server that everything before `position` is safe elsewhere.
///
/// # Errors
/// `Transient.Database` when somebody else reads the slot.
pub async fn advance(client: &Client, name: &str, position: u64) -> Result<()> {
    let sql = "SELECT pg_replication_slot_advance($1, $2)";
    let advanced = client.execute(sql, &[&name, &PgLsn::from(position)]).await;
    advanced.map_err(|error| slot_error("advance replication slot", error, name)).map(|_| ())
}

/// Reads on from where the slot stands, without moving it: whole transactions, until one of them
/// ends past `until` or reaches `max_changes` messages. The rows stream; a large transaction is
/// kept on the server's disk, not here.
///
/// # Errors
/// As [`advance`].
pub async fn peek(
    client: &Client,
    name: &str,
    publication: &str,
    until: u64,
    max_changes: i32,
) -> Result<RowStream> {
    let sql = "SELECT lsn, data FROM pg_logical_slot_peek_binary_changes($1, $2, $3, \
                   'proto_version', '1', 'publication_names', quote_ident($4))";
    let until = PgLsn::from(until);
    let parameters: [&(dyn ToSql + Sync); 4] = [&name, &until, &max_changes, &publication];
    let rows = client.query_raw(sql, parameters).await;
    rows.map_err(|error| slot_error("read replication slot", error, name))
}

/// The end of the server's log that is safe on its disk.
///
/// # Errors
/// `Transient.Database` when the connection is lost.
pub async fn log_end(client: &Client) -> Result<u64> {
    let sql = "SELECT pg_current_wal_flush_lsn()";
    let row = client.query_one(sql, &[]).await.or_db("read position of the log")?;
    Ok(row.get::<_, PgLsn>(0).into())
}

/// Bytes of log that are not captured yet, and that the server keeps for the slot.
///
/// # Errors
/// `Transient.Database` when the connection is lost.
pub async fn lag(client: &Client, name: &str, position: u64) -> Result<(i64, i64)> {
    let sql = "SELECT greatest(0, pg_wal_lsn_diff(pg_current_wal_flush_lsn(), $2))::bigint, \
                   coalesce((SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), restart_lsn) \
                             FROM pg_replication_slots WHERE slot_name = $1), 0)::bigint";
    let row = client.query_one(sql, &[&name, &PgLsn::from(position)]).await.or_db("measure lag")?;
    Ok((row.get(0), row.get(1)))
}

/// A failure around a slot.
pub fn slot_error(action: &str, error: tokio_postgres::Error, slot: &str) -> Error {
    let code = error.code().cloned();
    let failure = db_error(action, error).with("slot", slot);
    if code == Some(SqlState::OBJECT_IN_USE) {
        // A killed predecessor's session ends as soon as the server notices.
        return Error::new(ErrorKind::TransientDatabase, "replication slot is being read")
            .because(failure);
    }
    if code == Some(SqlState::INSUFFICIENT_PRIVILEGE) {
        return Error::invalid("the role may not use logical replication").because(failure).hint(
            "grant rds_replication on RDS, or ALTER ROLE … REPLICATION; or set cdc.mode to watermark",
        );
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn slots_are_named_after_the_database_with_the_letters_that_slots_may_have() {
        assert_eq!(name("shopflow_cdc", "shop"), "shopflow_cdc_shop");
        assert_eq!(name("s", "My-Shop"), "s__y__hop");
        assert_eq!(name("s", &"x".repeat(80)).len(), 63);
    }
}
