//! The servers of a local cloud, for real: started, restarted, stopped, started again.

// The exception for tests does not reach their helper functions.
#![allow(clippy::unwrap_used)]

use shopflow::console::Console;
use shopflow::local::{self, database, home::Home, postgres, python::Python, state::State};
use shopflow_core::ErrorKind;

/// A local cloud beside the one of the tests, so that stopping it disturbs nobody.
fn home() -> Home {
    Home::of_tests().unwrap().for_tests()
}

async fn count(state: &State) -> Result<i64, String> {
    let url = database::url(state.postgres.unwrap(), state.database.as_ref().unwrap());
    let client = database::connect(&url.parse().unwrap()).await.map_err(|e| e.to_string())?;
    let row = client.query_one("SELECT count(*) FROM kept", &[]).await;
    row.map(|row| row.get(0))
        .map_err(|error| database::refused(ErrorKind::Internal, "count", error).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_cloud_keeps_its_data_over_a_restart_and_starts_empty_after_its_end() {
    let home = home();
    local::down(&home, true).unwrap();
    let state = local::up_servers(&home, Console::quiet()).await.unwrap();
    assert!(local::is_up(&home, &state));

    let url = database::url(state.postgres.unwrap(), state.database.as_ref().unwrap());
    let client = database::connect(&url.parse().unwrap()).await.unwrap();
    client.batch_execute("CREATE TABLE kept AS SELECT 7 AS n").await.unwrap();
    let python = Python::ensure(&home, Console::quiet()).unwrap();
    postgres::restart(&home, &python).unwrap();
    assert!(client.batch_execute("SELECT 1").await.is_err(), "the old connection is gone");
    let restarted = State::read(&home.state_file()).unwrap();
    assert_eq!(restarted.postgres.unwrap().port, state.postgres.unwrap().port);
    assert_eq!(count(&restarted).await, Ok(1));

    let again = local::up_servers(&home, Console::quiet()).await.unwrap();
    assert_eq!(again, restarted, "what runs is left alone");

    assert!(local::down(&home, false).unwrap());
    assert!(!local::is_up(&home, &again));
    assert!(!local::down(&home, false).unwrap(), "there is nothing left to stop");
    let fresh = local::up_servers(&home, Console::quiet()).await.unwrap();
    assert_eq!(fresh.emulator.unwrap().port, state.emulator.unwrap().port, "addresses stay");
    assert!(count(&fresh).await.unwrap_err().contains("does not exist"));

    local::down(&home, true).unwrap();
    assert!(!home.state_file().exists());
}
