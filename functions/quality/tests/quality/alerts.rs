//! Who is told what, how often.

use crate::support::{RUN_ID, Shop};

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
