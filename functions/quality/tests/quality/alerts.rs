//! Who is told what, how often.

use serde_json::Value;
use shopflow_core::runtime::Invocation;
use shopflow_core::{ObjectRef, keys};

use crate::support::{RUN_ID, Shop};

async fn standing(shop: &Shop) -> Value {
    let (bucket, key) = (shop.reports.clone(), keys::standing_alerts());
    shop.storage.read_json(&ObjectRef { bucket, key, version_id: None }).await.unwrap()
}

async fn break_monthly(shop: &Shop) {
    shop.db.batch_execute("UPDATE warehouse.monthly_sales SET revenue = 1").await.unwrap();
}

#[tokio::test]
async fn a_closed_gate_is_told_once_however_often_the_call_is_repeated() {
    let shop = Shop::open().await;
    break_monthly(&shop).await;
    let first = shop.check().await;
    assert_eq!(first.critical, ["warehouse.monthly_sales.totals"]);
    assert!(!first.gate_passed);
    for _ in 0..2 {
        assert_eq!(shop.check().await, first, "the same event gives the same result");
    }
    let alerts = shop.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let (subject, message) = &alerts[0];
    assert_eq!(subject, &format!("ShopFlow quality gate closed: {RUN_ID}"));
    for part in [
        "warehouse.monthly_sales.totals (critical)",
        "expected: transactions 4, units 7, revenue 102.00",
        "actual:   transactions 4, units 7, revenue 1.00",
        &format!("s3://{}/quality/run_id={RUN_ID}/report.json", shop.reports),
    ] {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
}

#[tokio::test]
async fn another_outcome_of_the_same_run_is_told_again() {
    let shop = Shop::open().await;
    break_monthly(&shop).await;
    shop.check().await;
    shop.db.batch_execute("DELETE FROM warehouse.weekly_sales").await.unwrap();
    shop.check().await;
    let alerts = shop.alerts().await;
    assert_eq!(alerts.len(), 2);
    assert!(alerts.iter().any(|(_, message)| message.contains("weekly_sales")));
}

#[tokio::test]
async fn a_warning_is_told_as_one() {
    let shop = Shop::open().await;
    shop.db
        .batch_execute("UPDATE core.customers SET is_inferred = true WHERE id = 1")
        .await
        .unwrap();
    assert!(shop.check().await.gate_passed);
    let alerts = shop.alerts().await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].0, format!("ShopFlow quality warning: {RUN_ID}"));
}

#[tokio::test]
async fn a_failure_that_lasts_is_told_once_and_so_is_its_end() {
    let shop = Shop::open().await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    shop.check_as("sunday", &invocation).await;
    break_monthly(&shop).await;
    for run in ["monday", "tuesday", "tuesday"] {
        assert!(!shop.check_as(run, &invocation).await.gate_passed);
    }
    let told = shop.messages().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["Subject"], "ShopFlow quality gate closed: monday");
    let attribute = |message: &Value, name: &str| {
        message["MessageAttributes"][name]["Value"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(attribute(&told[0], "kind"), "alert");
    assert_eq!(attribute(&told[0], "severity"), "critical");
    assert_eq!(attribute(&told[0], "owners"), "[\"data engineering\"]");
    let failure = &standing(&shop).await["failures"]["warehouse.monthly_sales.totals"];
    assert_eq!((&failure["since_run"], &failure["runs"]), (&"monday".into(), &2.into()));

    shop.db.batch_execute("UPDATE warehouse.monthly_sales SET revenue = 102").await.unwrap();
    for _ in 0..2 {
        assert!(shop.check_as("wednesday", &invocation).await.gate_passed);
    }
    let told = shop.messages().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["Subject"], "ShopFlow quality recovered: wednesday");
    assert_eq!(attribute(&told[0], "kind"), "recovery");
    let message = told[0]["Message"].as_str().unwrap();
    for part in ["warehouse.monthly_sales.totals (was critical)", "run monday, 2 runs"] {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
    assert_eq!(standing(&shop).await["failures"], serde_json::json!({}));
}

#[tokio::test]
async fn runs_side_by_side_tell_a_failure_and_lose_none() {
    let shop = Shop::open().await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    break_monthly(&shop).await;
    shop.db.batch_execute("DELETE FROM warehouse.weekly_sales").await.unwrap();
    let runs = ["a", "b", "c"].map(|run| shop.check_as(run, &invocation));
    futures::future::join_all(runs).await;
    let standing = standing(&shop).await;
    // The totals of both, and the way from gross to net of the one without rows.
    assert_eq!(standing["failures"].as_object().unwrap().len(), 3, "{standing}");
    for failure in standing["failures"].as_object().unwrap().values() {
        assert_eq!(failure["runs"], 3, "{standing}");
    }
    assert!(!shop.alerts().await.is_empty());
}

/// Notes a file of sales that a run has loaded, and what it has replaced.
async fn loaded(shop: &Shop, run: &str, file: &str, rows: i64, replaced: &[i64]) {
    let key = format!("incoming/transactions/{file}");
    let updated = replaced.len() as i64;
    shop.db
        .execute(
            "INSERT INTO ops.load_audit (run_id, dataset, part, source_bucket, source_key, \
                 source_version_id, raw_key, rows_in, inserted, updated, unchanged, \
                 inferred_members, started_at, replaced, replaced_ids) \
             VALUES ($1, 'transactions', \
                 (SELECT count(*)::integer FROM ops.load_audit), 'landing', $2, 'v', 'raw', \
                 $3::bigint, $3::bigint - $4::bigint, $4::bigint, 0, 0, now(), $4::bigint, $5)",
            &[&run, &key, &rows, &updated, &replaced],
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn files_whose_rows_replace_those_of_other_customers_or_products_are_told() {
    let shop = Shop::open().await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    loaded(&shop, "monday", "a.csv", 200, &[3, 9]).await;
    assert_eq!(shop.check_as("monday", &invocation).await.failed, 0, "1 % may be corrections");
    assert!(shop.alerts().await.is_empty());

    loaded(&shop, "tuesday", "a.csv", 200, &[3, 9]).await;
    loaded(&shop, "tuesday", "orders.csv", 40, &[7]).await;
    let result = shop.check_as("tuesday", &invocation).await;
    assert!(result.gate_passed && result.failed == 1, "{result:?}");
    let alerts = shop.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].0, "ShopFlow quality warning: tuesday");
    for part in [
        "core.transactions.replaced (warning)",
        "expected: at most 1.00 % of the rows of a file",
        "actual:   1 of 40 rows of incoming/transactions/orders.csv (id 7); \
         2 of 200 rows of incoming/transactions/a.csv (ids 3 and 9)",
        "give each line an id of its own",
    ] {
        assert!(alerts[0].1.contains(part), "{part} is missing in {}", alerts[0].1);
    }

    loaded(&shop, "wednesday", "a.csv", 200, &[]).await;
    assert_eq!(shop.check_as("wednesday", &invocation).await.failed, 0);
    assert_eq!(shop.alerts().await[0].0, "ShopFlow quality recovered: wednesday");
}

#[tokio::test]
async fn rows_that_were_replaced_are_named_by_their_keys() {
    let shop = Shop::open().await;
    let made = 5_000_000_000_000_000_000_i64;
    let keyed = "UPDATE core.transactions SET id = $1, natural_key = 'A-1/4' WHERE id = 4";
    shop.db.execute(keyed, &[&made]).await.unwrap();
    loaded(&shop, "monday", "orders.csv", 40, &[7, made]).await;
    shop.check_as("monday", &Invocation::detached(&shop.aws, "quality")).await;
    let alerts = shop.alerts().await;
    assert!(alerts[0].1.contains("orders.csv (ids 7 and A-1/4)"), "{alerts:?}");
}
