//! Values that no reference table has yet.

use shopflow_core::Dataset;

use crate::world::{World, at, counts};

fn sales(methods: &[&str]) -> String {
    let mut csv = "id,customer_id,product_id,quantity,timestamp,payment_method\n".to_owned();
    for (index, method) in methods.iter().enumerate() {
        csv += &format!("{},1,1,1,2026-01-15T10:00:00Z,{method}\n", index + 1);
    }
    csv
}

const METHODS: &str = "SELECT t.id, m.name FROM core.transactions t \
    JOIN core.payment_methods m USING (payment_method_id) ORDER BY t.id";
const KEYS: &str = "SELECT name, payment_method_id AS key FROM core.payment_methods \
    WHERE name NOT IN ('apple_pay', 'bank_transfer', 'credit_card', 'debit_card', 'gift_card', \
        'paypal') ORDER BY key";

/// Both ways into the table: through staging, and straight into the empty table.
async fn new_names_get_keys(bulk_rows: u64) {
    let mut world = World::new().await;
    world.context.bulk_rows = bulk_rows;
    let first = sales(&["paypal", "klarna", "gift voucher", "klarna"]);
    let result = world.load_file("r1", Dataset::Transactions, &at("01"), &first).await.unwrap();
    assert_eq!(counts(&result), [4, 0, 0, 2]);
    assert_eq!(
        world.lines(METHODS).await,
        [
            r#"{"id":1,"name":"paypal"}"#,
            r#"{"id":2,"name":"klarna"}"#,
            r#"{"id":3,"name":"gift voucher"}"#,
            r#"{"id":4,"name":"klarna"}"#,
        ]
    );
    let keys = world.lines(KEYS).await;
    assert_eq!(keys, [r#"{"name":"klarna","key":7}"#, r#"{"name":"gift voucher","key":8}"#]);
    // The same file again changes nothing, a later one goes on with the keys.
    let result = world.load_file("r2", Dataset::Transactions, &at("02"), &first).await.unwrap();
    assert_eq!(counts(&result), [0, 0, 4, 0]);
    assert_eq!(world.lines(KEYS).await, keys);
    let later = sales(&["paypal", "twint"]);
    let result = world.load_file("r3", Dataset::Transactions, &at("03"), &later).await.unwrap();
    assert_eq!(counts(&result), [0, 1, 1, 0]);
    assert_eq!(world.lines(KEYS).await.last().unwrap(), r#"{"name":"twint","key":9}"#);
    // The identity goes on behind them.
    let next = "INSERT INTO core.payment_methods (name) VALUES ('cash') RETURNING \
                payment_method_id::bigint";
    assert_eq!(world.number(next).await, 10);
}

#[tokio::test]
async fn new_payment_methods_get_keys_and_rows() {
    new_names_get_keys(u64::MAX).await;
}

#[tokio::test]
async fn new_payment_methods_get_keys_and_rows_in_the_first_load_of_a_large_file() {
    new_names_get_keys(1).await;
}

#[tokio::test]
async fn a_load_that_fails_leaves_no_name_behind() {
    let world = World::new().await;
    let broken = sales(&["klarna"]) + "2,1,1,many,2026-01-15T10:00:00Z,twint\n";
    world.load_file("r1", Dataset::Transactions, &at("01"), &broken).await.unwrap_err();
    assert_eq!(world.lines(KEYS).await, Vec::<String>::new());
    world.load_file("r2", Dataset::Transactions, &at("01"), &sales(&["twint"])).await.unwrap();
    // Which key it gets is no matter: those of the load that failed may be skipped.
    assert_eq!(world.lines(METHODS).await, [r#"{"id":1,"name":"twint"}"#]);
}

#[tokio::test]
async fn new_categories_get_rows_whatever_they_are_called() {
    let world = World::new().await;
    let csv = "id,name,category,price,supplier\n1,Rake,Home & Garden,1.00,Lux\n\
               2,Leash,pets,2.00,Lux\n3,Hose,Home & Garden,3.00,Lux\n";
    world.load_file("r1", Dataset::Products, &at("01"), csv).await.unwrap();
    assert_eq!(
        world
            .lines(
                "SELECT p.id, c.name FROM core.products p \
                 JOIN core.categories c USING (category_id) ORDER BY p.id"
            )
            .await,
        [
            r#"{"id":1,"name":"Home & Garden"}"#,
            r#"{"id":2,"name":"pets"}"#,
            r#"{"id":3,"name":"Home & Garden"}"#,
        ]
    );
}
