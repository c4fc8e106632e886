//! A database of its own for a command that must not touch the pipeline's: made, migrated, dropped.

use std::future::Future;

use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use tokio_postgres::{Client, Config};

use crate::console::Console;
use crate::local::{self, database, home::Home};

/// Runs `work` in a new database with the current schema, which is dropped afterwards, whatever the
/// outcome. The server is the local cloud's unless `server` gives the address of a superuser.
///
/// # Errors
/// When there is no server, or what `work` fails with.
pub async fn with_database<T, F, Fut>(server: Option<&str>, work: F) -> Result<T>
where
    F: FnOnce(Client) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let config = server_config(server)?;
    let name = format!("shopflow_scratch_{}", uuid::Uuid::new_v4().simple());
    let admin = database::connect(&config).await?;
    execute(&admin, &format!("CREATE DATABASE {name}")).await?;
    let mut own = config.clone();
    own.dbname(&name).options("-c timezone=UTC -c datestyle=ISO");
    let outcome = in_database(&own, work).await;
    let dropped = execute(&admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    let value = outcome?;
    dropped?;
    Ok(value)
}

async fn in_database<T, F, Fut>(config: &Config, work: F) -> Result<T>
where
    F: FnOnce(Client) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut client = database::connect(config).await?;
    shopflow_postgres::migrate(&mut client).await?;
    work(client).await
}

fn server_config(server: Option<&str>) -> Result<Config> {
    let url = match server {
        Some(url) => url.to_owned(),
        None => local_server()?,
    };
    url.parse()
        .or_error(ErrorKind::InvalidInput, "the address of the server is not a Postgres address")
}

fn local_server() -> Result<String> {
    let home = Home::locate()?;
    let state = local::state::State::read(&home.state_file())?;
    let running = local::is_up(&home, &state);
    match (running, state.postgres, &state.admin_password) {
        (true, Some(postgres), Some(password)) => Ok(database::admin_url(postgres, password)),
        _ => {
            Console::stderr().note("the local cloud is not up");
            Err(Error::invalid("there is no postgres server to work on")
                .hint("start the local cloud with `cargo shopflow up`, or name one with --server"))
        }
    }
}

async fn execute(client: &Client, sql: &str) -> Result<()> {
    client
        .batch_execute(sql)
        .await
        .map_err(|error| database::refused(ErrorKind::Internal, "prepare a database", error))
}
