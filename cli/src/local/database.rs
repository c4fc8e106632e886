//! The pipeline's database in the local Postgres, and its password in Secrets Manager.

use shopflow_core::{Error, ErrorKind, Result};
use tokio_postgres::{Client, Config, NoTls};

use super::emulator;
use super::postgres::ADMIN;
use super::state::{DatabaseAccess, Server, State};

/// Name of the database and of the role that owns it.
pub const NAME: &str = "shopflow";
/// Name of the secret.
const SECRET: &str = "shopflow-local-database";

/// Makes a database with the tables of this release and an owner of its own, and the secret the
/// functions read. `record` would make the tables, too, but then the first run waits for them.
///
/// An existing database is dropped: it belongs to objects that the emulator no longer has.
///
/// # Errors
/// When Postgres or the emulator refuses.
pub async fn create(state: &mut State) -> Result<()> {
    let (Some(postgres), Some(emulator), Some(admin_password)) =
        (state.postgres, state.emulator, state.admin_password.clone())
    else {
        return Err(Error::internal("the database needs both servers"));
    };
    let password = uuid::Uuid::new_v4().simple().to_string();
    let admin = connect(&config(postgres, "postgres", ADMIN, &admin_password)).await?;
    let statements = [
        format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"),
        format!("DROP ROLE IF EXISTS {NAME}"),
        // As `GRANT rds_replication` on RDS: change data capture reads a replication slot.
        format!("CREATE ROLE {NAME} LOGIN REPLICATION PASSWORD '{password}'"),
        format!("CREATE DATABASE {NAME} OWNER {NAME}"),
    ];
    for statement in statements {
        // Each on its own: databases cannot be made or dropped within a transaction.
        admin
            .batch_execute(&statement)
            .await
            .map_err(|error| refused(ErrorKind::Internal, "create database", error))?;
    }
    let mut owner = connect(&config(postgres, NAME, NAME, &password)).await?;
    shopflow_postgres::migrate(&mut owner).await?;
    let secret_arn = store_secret(emulator, &password).await?;
    state.database =
        Some(DatabaseAccess { name: NAME.to_owned(), user: NAME.to_owned(), password, secret_arn });
    Ok(())
}

/// Address of the pipeline's database, password included.
pub fn url(postgres: Server, access: &DatabaseAccess) -> String {
    let DatabaseAccess { name, user, password, .. } = access;
    format!("postgres://{user}:{password}@127.0.0.1:{}/{name}", postgres.port)
}

/// Address of the server for its superuser, password included.
pub fn admin_url(postgres: Server, password: &str) -> String {
    format!("postgres://{ADMIN}:{password}@127.0.0.1:{}/postgres", postgres.port)
}

/// A failed conversation with Postgres; the driver keeps the server's own words in the cause.
pub fn refused(kind: ErrorKind, action: &str, error: tokio_postgres::Error) -> Error {
    let words = match (error.as_db_error(), std::error::Error::source(&error)) {
        (Some(refusal), _) => refusal.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    };
    Error::new(kind, format!("{action} failed")).because(words)
}

/// Connects; the connection ends with the client.
///
/// # Errors
/// `Transient.Database` when the server cannot be reached or refuses the login.
pub async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .map_err(|error| refused(ErrorKind::TransientDatabase, "connect to postgres", error))?;
    tokio::spawn(async move {
        // The client reports the same error to whoever waits for an answer.
        let _ = connection.await;
    });
    Ok(client)
}

fn config(server: Server, database: &str, user: &str, password: &str) -> Config {
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(server.port)
        .dbname(database)
        .user(user)
        .password(password)
        .connect_timeout(std::time::Duration::from_secs(10));
    config
}

async fn store_secret(server: Server, password: &str) -> Result<String> {
    let secrets = aws_sdk_secretsmanager::Client::new(&emulator::aws(server).await);
    let value = serde_json::json!({"username": NAME, "password": password}).to_string();
    let created = secrets.create_secret().name(SECRET).secret_string(&value).send().await;
    let arn = match created {
        Ok(answer) => answer.arn,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|refused| refused.is_resource_exists_exception()) =>
        {
            let stored = secrets.put_secret_value().secret_id(SECRET).secret_string(&value).send();
            stored
                .await
                .map_err(|error| Error::aws(ErrorKind::TransientService, "store secret", error))?
                .arn
        }
        Err(error) => {
            return Err(Error::aws(ErrorKind::TransientService, "create secret", error));
        }
    };
    arn.ok_or_else(|| Error::internal("the secret has no name"))
}
