//! The way into Postgres: where it is, who we are, over which connection, and with which schema.
//!
//! [`Database`] finds the server (configuration or the RDS API), logs in (a Secrets Manager
//! secret, re-read when it was rotated, or an RDS IAM token), verifies its certificate, and brings
//! its schema up to date ([`Database::migrate`]). Errors carry the name Step Functions matches and
//! never a password or a row's values.
//!
//! ```ignore
//! let database = Database::new(&init.aws, &init.settings.database).await?;
//! let mut client = database.connect().await?;
//! database.migrate(&mut client).await?;
//! let rows = client.query("SELECT count(*) FROM core.customers", &[]).await.or_db("count customers")?;
//! ```

mod credentials;
mod database;
pub mod dimensions;
mod endpoint;
mod error;
pub mod indexes;
mod migrate;
pub mod secret;
pub mod tls;

pub use database::Database;
pub use error::{PgResultExt, db_error};
pub use migrate::migrate;

/// A connection to Postgres; its traffic runs in a task of its own until this is dropped.
pub type Client = tokio_postgres::Client;

/// Keys of the advisory locks of the pipeline, in one place so that no two mean the same.
pub mod locks {
    /// Held while the schema is changed.
    pub const MIGRATE: i64 = 0x5368_6f70_0001;
    /// Held by the one `transform` that may work at a time.
    pub const TRANSFORM: i64 = 0x5368_6f70_0002;
    /// Held by the one `cdc` that may work at a time.
    pub const CDC: i64 = 0x5368_6f70_0003;
    /// Held by the load of a dataset: `LOAD + Dataset::position()`.
    pub const LOAD: i64 = 0x5368_6f70_0100;
    /// Held while partitions of `stream.seen` are made.
    pub const STREAM_PARTITIONS: i64 = 0x5368_6f70_0004;
    /// With the hash of a stream's name: held by its batches together, and by whoever closes windows
    /// alone. These two are of the kind with two keys, which is apart from that with one.
    pub const STREAM_GATE: i32 = 0x5368_0001;
    /// With the hash of a stream's name: held by the one that may close windows at a time.
    pub const STREAM_CLOSING: i32 = 0x5368_0002;
}
