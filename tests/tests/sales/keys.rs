//! An export with its own keys: texts, and lines that an order and a product identify together.

use shopflow_core::{Dataset, Stage, natural_key};

use super::cases::SUPERSTORE_EXPORT;
use super::checks::shop;
use super::convert::superstore_keyed;
use super::files::records;

const KEYS: &[(&str, &str)] = &[
    ("SHOPFLOW__NATURAL_KEYS__CUSTOMERS", "text"),
    ("SHOPFLOW__NATURAL_KEYS__PRODUCTS", "text"),
    ("SHOPFLOW__NATURAL_KEYS__TRANSACTIONS", "order_id, product_id"),
];

/// Rows whose id is not what the database makes of the key, by dataset.
const OTHERS: &str = "
SELECT (SELECT count(*) FROM core.customers WHERE id <> core.id_of_key('customers', natural_key)),
       (SELECT count(*) FROM core.products WHERE id <> core.id_of_key('products', natural_key))";

#[tokio::test(flavor = "multi_thread")]
async fn superstore_comes_in_with_its_own_keys_and_is_the_same_however_often_it_comes() {
    let world = shop(KEYS).await;
    let converted = superstore_keyed(SUPERSTORE_EXPORT);
    let files = converted.files();
    let [customers, products, sales] = files[..] else { panic!() };
    // Sales first: who and what they name is known by number alone until its own file comes.
    let ran = world.run("2026-01-02", &[sales]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (2, 2, 0));
    assert_eq!(ran.inferred, 4);
    let ran = world.passed("2026-01-03", &[products, customers, sales]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (2, 0, 2));
    assert_eq!(ran.inferred, 0);
    assert_eq!(
        world.totals().await,
        "2 lines, 7 units: gross 2003.01, discounts 783.47, returns 0.00, net 1219.54 \
         (0 to guests 0.00, to customers 1219.54)"
    );

    let mut expected: Vec<String> = records(SUPERSTORE_EXPORT)
        .iter()
        .map(|record| {
            let customer = record["Customer ID"].as_str();
            let product = record["Product ID"].as_str();
            let number = natural_key::number(Dataset::Customers, customer.as_bytes()).unwrap();
            let order = &record["Order ID"];
            format!("{order}/{product} {number} {customer} {product}")
        })
        .collect();
    expected.sort();
    let stored = "SELECT t.natural_key, c.id, c.natural_key AS customer, p.natural_key AS product \
         FROM core.transactions t JOIN core.customers c ON c.id = t.customer_id \
         JOIN core.products p ON p.id = t.product_id ORDER BY t.natural_key COLLATE \"C\"";
    assert_eq!(world.query(stored).await, expected);
    assert_eq!(world.query(OTHERS).await, ["0 0"]);
    let keys: Vec<String> =
        expected.iter().map(|row| row.split(' ').nth(2).unwrap().to_owned()).collect();
    let mut silver = world.lake_rows("silver/customers", &["natural_key"]).await;
    silver.sort();
    let mut keys = keys;
    keys.sort();
    assert_eq!(silver, keys);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_makes_the_same_numbers_of_keys() {
    let world = shop(&[]).await;
    let keys = ["7", "007", "4611686018427387903", "4611686018427387904", "AB-1", "é,\u{1F600}"];
    for key in keys {
        let number = natural_key::number(Dataset::Products, key.as_bytes()).unwrap();
        let made = format!("SELECT core.id_of_key('products', '{key}') AS id");
        assert_eq!(world.query(&made).await, [number.to_string()], "{key}");
    }
}
