//! What the function says about a shop whose layers agree.

use serde_json::json;
use shopflow_core::{Stage, keys};
use shopflow_testkit::wait::Wait;

use crate::support::{RUN_ID, Shop};

#[tokio::test]
async fn layers_that_agree_score_100_and_alert_nobody() {
    let shop = Shop::open().await;
    let result = shop.check().await;
    assert_eq!(result.score, 100.0, "{:?}", shop.failed().await);
    assert!(result.gate_passed && result.critical.is_empty());
    assert_eq!(result.failed, 0);
    assert_eq!(result.report.bucket, shop.reports);
    assert_eq!(result.report.key, keys::quality_report(RUN_ID));
    assert!(shop.alerts().await.is_empty());
}

#[tokio::test]
async fn the_report_lists_every_check_with_what_was_compared() {
    let shop = Shop::open().await;
    let result = shop.check().await;
    let report = shop.report().await;
    assert_eq!(report["run_id"], RUN_ID);
    assert_eq!(report["run_date"], "2026-01-16");
    assert_eq!(report["gate_passed"], true);
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len() as u64, result.checks);
    let daily = checks.iter().find(|check| check["name"] == "lake.gold_daily_sales.totals");
    assert_eq!(
        daily.unwrap(),
        &json!({
            "name": "lake.gold_daily_sales.totals",
            "layer": "lake",
            "severity": "critical",
            "expected": "transactions 4, units 7, revenue 102.00",
            "actual": "transactions 4, units 7, revenue 102.00",
            "passed": true,
            "detail": "expected from warehouse.daily_sales",
        })
    );
    let names: std::collections::BTreeSet<_> =
        checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), checks.len(), "names are unique");
}

#[tokio::test]
async fn an_empty_shop_has_nothing_to_complain_about() {
    let mut shop = Shop::open().await;
    shop.db
        .batch_execute(
            "TRUNCATE core.customers, core.products, core.transactions, warehouse.dim_customer,
                      warehouse.dim_product, warehouse.fact_sales, warehouse.daily_sales,
                      warehouse.weekly_sales, warehouse.monthly_sales, warehouse.product_sales,
                      warehouse.category_sales, warehouse.payment_sales,
                      warehouse.customer_lifetime_value, ops.lake_queue CASCADE",
        )
        .await
        .unwrap();
    for (table, partition) in [
        ("silver/transactions", "month=2026-01"),
        ("silver/customers", "month=2026-01"),
        ("gold/fact_sales", "month=2026-01"),
        ("gold/daily_sales", ""),
    ] {
        shop.replace(table, partition, None).await;
    }
    shop.ledger.retain(|entry| entry.stage == Stage::Validate);
    for entry in &mut shop.ledger {
        (entry.rows_loaded, entry.rows_quarantined) = (0, entry.rows_in);
    }
    assert_eq!(shop.failed().await, Vec::<String>::new());
}

#[tokio::test]
async fn work_that_other_runs_have_under_way_is_no_failure() {
    let shop = Shop::open().await;
    // Another run has loaded a sale, a customer and a product, and its transform is still to come.
    shop.db
        .batch_execute(
            "BEGIN;
             INSERT INTO core.customers
             SELECT 3, name, email, registration_date, country, false, row_hash, 1, effective_at,
                    source_modified_at, 'v', 'run-2', now(), now()
             FROM core.customers WHERE id = 1;
             INSERT INTO core.transactions (id, customer_id, product_id, quantity, \"timestamp\",
                                            payment_method_id, row_hash, source_id)
             SELECT 5, 3, product_id, 9, \"timestamp\", payment_method_id, row_hash, source_id
             FROM core.transactions WHERE id = 4;
             INSERT INTO ops.dirty_entities (dataset, id) VALUES ('customers', 3);
             INSERT INTO ops.dirty_dates (event_date) VALUES ('2026-01-15');
             INSERT INTO ops.lake_queue (run_id, dataset, part, entry)
             VALUES ('run-2', 'transactions', 0, '{}');
             COMMIT",
        )
        .await
        .unwrap();
    assert_eq!(shop.failed().await, Vec::<String>::new());
}

#[tokio::test]
async fn rows_that_another_run_transformed_stand_in_the_ledger_of_their_own() {
    let mut shop = Shop::open().await;
    shop.db.execute("UPDATE ops.lake_queue SET transformed_by = 'run-2'", &[]).await.unwrap();
    assert_eq!(shop.failed().await, Vec::<String>::new());
    shop.ledger.retain(|entry| entry.stage != Stage::Transform);
    assert_eq!(shop.failed().await.len(), 3, "the rows of three datasets are not accounted for");
}

#[tokio::test]
async fn checks_wait_for_a_transform_under_way() {
    let shop = Shop::open().await;
    let lock = format!("SELECT pg_advisory_lock({})", shopflow_postgres::locks::TRANSFORM);
    let unlock = format!("SELECT pg_advisory_unlock({})", shopflow_postgres::locks::TRANSFORM);
    shop.db.batch_execute(&lock).await.unwrap();
    shop.db.batch_execute("DELETE FROM warehouse.daily_sales").await.unwrap();
    let finish = async {
        let wait = Wait::until("the checks wait for the lock");
        let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database AS own ON own.oid = database \
                       WHERE locktype = 'advisory' AND NOT granted \
                         AND own.datname = current_database()";
        while shop.db.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            wait.pause(10).await;
        }
        shop.db
            .batch_execute(
                "INSERT INTO warehouse.daily_sales
                 VALUES ('2026-01-13', 4, 2, 7, 102.00, 0, 4, 102.00, 0, 0)",
            )
            .await
            .unwrap();
        shop.db.batch_execute(&unlock).await.unwrap();
    };
    let (result, ()) = tokio::join!(shop.check(), finish);
    assert_eq!(result.failed, 0);
}
