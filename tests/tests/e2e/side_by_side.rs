//! Work that is done beside other work, one part of which fails.

use serde_json::json;
use shopflow_tests::{Cloud, customers};

fn clicks(count: u64) -> String {
    let line = |number: u64| {
        json!({
            "event_id": format!("00000000-0000-4000-8000-{number:012}"), "session_id": "s-1",
            "event_type": "page_view", "url": "https://shop.example/", "device": "mobile",
            "country": "DE", "timestamp": format!("2024-03-05T10:{number:02}:00Z"),
        })
    };
    (0..count).map(|number| line(number).to_string() + "\n").collect()
}

#[tokio::test]
async fn what_was_merged_beside_a_load_that_failed_is_in_the_ledger_of_the_run() {
    let cloud = Cloud::fresh().await;
    cloud.run_files(&[("customers", customers(1..3))]).await.expect_success();
    let trouble = "CREATE FUNCTION core.refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'closed for stocktaking'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON core.customers EXECUTE FUNCTION core.refuse()";
    cloud.database.batch_execute(trouble).await.unwrap();

    let files = [("customers", customers(3..10)), ("clickstream", clicks(5))];
    let failed = cloud.run_files(&files).await.expect_failure("Internal");
    assert!(failed.cause.contains("closed for stocktaking"), "{}", failed.cause);
    let ledger = cloud.ledger(&failed.name).await;
    ledger.assert_balanced();
    let line = ledger.line("transform", "clickstream");
    assert_eq!((line.rows_in, line.loaded), (5, 5), "{line:?}");
    let closed = format!(
        "SELECT count(*) FROM ops.runs WHERE run_id = '{}' AND status = 'failed'",
        failed.name
    );
    assert_eq!(cloud.count(&closed).await, 1);

    cloud.database.batch_execute("DROP FUNCTION core.refuse() CASCADE").await.unwrap();
    let again = cloud.run_files(&files).await.expect_success();
    let ledger = cloud.ledger(&again.name).await;
    ledger.assert_balanced();
    // The same events, of a later file.
    let line = ledger.line("transform", "clickstream");
    assert_eq!((line.rows_in, line.loaded, line.unchanged), (5, 0, 5), "{line:?}");
    assert_eq!(cloud.count("SELECT count(*) FROM core.customers").await, 9);
    assert_eq!(cloud.count("SELECT count(*) FROM warehouse.fact_sessions").await, 1);
}
