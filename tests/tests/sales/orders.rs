//! Files whose ids number orders: of several lines only one could stay.

use serde_json::Value;
use shopflow_core::{Dataset, ObjectRef, Stage, keys};

use super::cases::{self, ORDERS_AS_ID, ORDERS_AS_ID_2, UNKNOWN_PRODUCT};
use super::checks::{PRODUCTS, shop, sold};
use super::world::{Ran, World};

/// As on a laptop, where a file may have more rows that are refused.
const TOLERANT: &[(&str, &str)] = &[("SHOPFLOW__VALIDATION__MAX_REJECT_RATE", "0.25")];

/// The file that a run of the base has as its third one.
fn third(date: &str) -> String {
    format!("incoming/transactions/run-{date}-2.csv")
}

fn replaced(ran: &Ran) -> u64 {
    ran.ledger.iter().map(|entry| entry.rows_replaced).sum()
}

/// Whether quality has no complaint about replaced rows, and what it has found.
async fn found(world: &World, date: &str) -> (bool, String) {
    let bucket = world.settings.buckets.reports.clone();
    let key = keys::quality_report(&format!("run-{date}"));
    let report: Value =
        world.storage.read_json(&ObjectRef { bucket, key, version_id: None }).await.unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "core.transactions.replaced").unwrap();
    (check["passed"].as_bool().unwrap(), check["actual"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_line_under_the_number_of_its_order_is_refused_and_says_why() {
    let world = shop(&[]).await;
    let told = world.rejection("2026-01-11", Dataset::Transactions, ORDERS_AS_ID).await;
    for part in [
        "2 of 22 rows are refused (9.09 %, limit 5.00 %), most of them (2) by rule duplicate_id",
        "rows with the id of an earlier row and another customer_id or product_id are refused: 2, \
         the first in line 22, as in line 2",
        "if id is the number of an order, give each line an id of its own",
    ] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_later_file_that_takes_the_place_of_another_one_is_told() {
    let world = shop(TOLERANT).await;
    let ran = sold(&world, "2026-01-11", &[ORDERS_AS_ID]).await;
    assert_eq!(ran.of(Stage::Validate, Dataset::Transactions), (22, 20, 0));
    assert_eq!((ran.of(Stage::Load, Dataset::Transactions), replaced(&ran)), ((20, 20, 0), 0));
    assert_eq!(found(&world, "2026-01-11").await, (true, "none".to_owned()));
    assert_eq!(
        world.totals().await,
        "20 lines, 20 units: gross 120.00, discounts 0.00, returns 0.00, net 120.00 \
         (0 to guests 0.00, to customers 120.00)"
    );

    // Seven units at 15.50 in the place of one at 3.50.
    let ran = sold(&world, "2026-01-12", &[ORDERS_AS_ID_2]).await;
    assert_eq!((ran.of(Stage::Load, Dataset::Transactions), replaced(&ran)), ((1, 1, 0), 1));
    let told = format!("1 of 1 rows of {} (id 25103)", third("2026-01-12"));
    assert_eq!(found(&world, "2026-01-12").await, (false, told));
    assert_eq!(
        world.totals().await,
        "20 lines, 26 units: gross 225.00, discounts 0.00, returns 0.00, net 225.00 \
         (0 to guests 0.00, to customers 225.00)"
    );
    let products = world.query(PRODUCTS).await;
    assert!(products.contains(&"3 1 1 3.50".to_owned()), "{products:?}");
    assert!(products.contains(&"15 1 7 108.50".to_owned()), "{products:?}");
    let kept = "SELECT id, product_id, quantity FROM core.transaction_history";
    assert_eq!(world.query(kept).await, ["25103 3 1"]);
    world.agrees().await;

    // The same file once more replaces nothing.
    let again = sold(&world, "2026-01-13", &[ORDERS_AS_ID_2]).await;
    assert_eq!((again.of(Stage::Load, Dataset::Transactions), replaced(&again)), ((1, 0, 1), 0));
    assert_eq!(found(&world, "2026-01-13").await, (true, "none".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_of_a_run_that_use_one_number_are_told_by_the_one_that_came_second() {
    let world = shop(TOLERANT).await;
    let ran = sold(&world, "2026-01-11", &[ORDERS_AS_ID_2, ORDERS_AS_ID]).await;
    assert_eq!(replaced(&ran), 1);
    let (passed, told) = found(&world, "2026-01-11").await;
    assert!(!passed);
    assert_eq!(told, "1 of 20 rows of incoming/transactions/run-2026-01-11-3.csv (id 25103)");
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_of_products_that_no_file_has_brought_replace_nothing() {
    let world = shop(&[]).await;
    let files = [
        (Dataset::Customers, cases::CUSTOMERS),
        (Dataset::Products, cases::PRODUCTS),
        (Dataset::Transactions, UNKNOWN_PRODUCT),
    ];
    let ran = world.run("2026-01-11", &files).await;
    assert_eq!((ran.of(Stage::Load, Dataset::Transactions), replaced(&ran)), ((5, 5, 0), 0));
    assert_eq!(ran.inferred, 5);
}
