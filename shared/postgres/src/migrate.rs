//! Numbered migrations, compiled in from `sql/ddl/`.

use sha2::{Digest, Sha256};
use shopflow_core::{Error, Result};
use tokio_postgres::error::SqlState;

use crate::error::PgResultExt;
use crate::{Client, Database, locks};

struct Migration {
    version: i32,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../sql/ddl/", $name, ".sql")),
        }),*]
    };
}

/// In order of their numbers. A published migration never changes; changes are new migrations.
const MIGRATIONS: &[Migration] = migrations![
    1 "0001_core",
    2 "0002_warehouse",
    3 "0003_ops",
    4 "0004_sources_and_versions",
    5 "0005_star",
    6 "0006_cdc",
    7 "0007_customer_analytics",
    8 "0008_analytics",
    9 "0009_changed_since",
    10 "0010_privacy",
    11 "0011_marks_with_a_past",
    12 "0012_recoveries",
    13 "0013_facts_in_bulk",
    14 "0014_any_dataset",
    15 "0015_vocabulary",
    16 "0016_answers_in_gold",
    17 "0017_a_sale_as_it_was",
    18 "0018_gross_and_orders",
    19 "0019_what_may_be_missing",
    20 "0020_keys_that_are_texts",
    21 "0021_replaced_rows",
    22 "0022_purchases",
    23 "0023_currencies_tax_and_payments",
    24 "0024_baskets_and_repeats",
    25 "0025_answers_about_money",
    26 "0026_stream",
];

impl Migration {
    fn checksum(&self) -> String {
        Sha256::digest(self.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Database {
    /// Brings the schema up to date and returns the versions it applied: none, after one `SELECT`,
    /// when there is nothing to do. Any number of callers may do this at the same time; each
    /// migration is one transaction, so a caller that dies leaves a whole schema behind.
    ///
    /// # Errors
    /// `Internal` when a migration fails, or when one that is applied has been changed since.
    pub async fn migrate(&self, client: &mut Client) -> Result<Vec<i32>> {
        migrate(client).await
    }
}

/// [`Database::migrate`] over a connection that was made elsewhere.
///
/// # Errors
/// As [`Database::migrate`].
pub async fn migrate(client: &mut Client) -> Result<Vec<i32>> {
    run(client, MIGRATIONS).await
}

async fn run(client: &mut Client, migrations: &[Migration]) -> Result<Vec<i32>> {
    let mut done = Vec::new();
    if next(&applied(client).await?, migrations)?.is_none() {
        return Ok(done);
    }
    while let Some(version) = step(client, migrations).await? {
        done.push(version);
    }
    Ok(done)
}

/// Applies the first missing migration. The lock belongs to the transaction, so it is released
/// however the transaction ends.
async fn step(client: &mut Client, migrations: &[Migration]) -> Result<Option<i32>> {
    let transaction = client.transaction().await.or_db("begin migration")?;
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&locks::MIGRATE])
        .await
        .or_db("lock schema")?;
    transaction
        .batch_execute(
            // A migration that waits for a lock keeps everybody behind it waiting.
            "SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '1min'; \
             CREATE TABLE IF NOT EXISTS public.schema_migrations ( \
                 version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, \
                 applied_at timestamptz NOT NULL DEFAULT now())",
        )
        .await
        .or_db("create schema_migrations")?;
    let applied = read(&transaction).await.or_db("read schema_migrations")?;
    let Some(migration) = next(&applied, migrations)? else {
        transaction.commit().await.or_db("commit migration")?;
        return Ok(None);
    };
    transaction
        .batch_execute(migration.sql)
        .await
        .or_db("apply migration")
        .map_err(|error| error.with("migration", migration.name))?;
    transaction
        .execute(
            "INSERT INTO public.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            &[&migration.version, &migration.name, &migration.checksum()],
        )
        .await
        .or_db("record migration")?;
    transaction.commit().await.or_db("commit migration")?;
    tracing::info!(migration = migration.name, "migration applied");
    Ok(Some(migration.version))
}

/// The first migration that is missing; unknown higher versions belong to a newer release.
fn next<'a>(
    applied: &[(i32, String)],
    migrations: &'a [Migration],
) -> Result<Option<&'a Migration>> {
    for migration in migrations {
        let found = applied.iter().find(|(version, _)| *version == migration.version);
        match found {
            None => return Ok(Some(migration)),
            Some((_, checksum)) if *checksum == migration.checksum() => {}
            Some(_) => {
                return Err(Error::internal("an applied migration has been changed since")
                    .with("migration", migration.name)
                    .hint("restore the file and put the change into a new migration"));
            }
        }
    }
    Ok(None)
}

async fn applied(client: &Client) -> Result<Vec<(i32, String)>> {
    match read(client).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(Vec::new()),
        other => other.or_db("read schema_migrations"),
    }
}

async fn read(
    client: &impl tokio_postgres::GenericClient,
) -> std::result::Result<Vec<(i32, String)>, tokio_postgres::Error> {
    let rows = client.query("SELECT version, checksum FROM public.schema_migrations", &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_ddl_folder_is_compiled_in_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/ddl");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> =
            MIGRATIONS.iter().map(|migration| format!("{}.sql", migration.name)).collect();
        assert_eq!(listed, files);
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, index as i32 + 1);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
        }
    }

    #[test]
    fn a_changed_migration_is_refused_by_name() {
        let applied = [(1, "0".to_owned())];
        let Err(error) = next(&applied, MIGRATIONS) else { panic!("accepted") };
        assert!(error.to_string().contains("0001_core"), "{error}");
    }

    #[test]
    fn versions_of_a_newer_release_are_left_alone() {
        let mut applied: Vec<(i32, String)> =
            MIGRATIONS.iter().map(|migration| (migration.version, migration.checksum())).collect();
        applied.push((9999, "0".to_owned()));
        assert!(next(&applied, MIGRATIONS).unwrap().is_none());
    }
}
