//! Personal values end in bronze, whatever the policies and the key.

use shopflow_core::Dataset;
use shopflow_lake::parquet;

use crate::common::{Customer, KEY, Product, Shop, sale, silver, source, text_rows};

const ADA: Customer = Customer(1, "Ada Lovelace", "ada@example.com", "2020-01-01", "GB");
const BOB: Customer = Customer(2, "Bob Builder", "bob@build.org", "2021-05-05", "FR");

async fn shop() -> Shop {
    let shop = Shop::open().await;
    shop.customers(&source("t1", 0, "2026-01-01"), &[ADA, BOB]).await;
    shop.products(&source("t1", 1, "2026-01-01"), &[Product(7, "Mug", "home", 1000, "Acme")]).await;
    let sales = [sale(1, 1, 7, 2, "2026-01-10T00:00:00Z")];
    shop.sales(&source("t1", 2, "2026-01-10"), &sales).await;
    shop
}

/// Name and address of the customers as silver shows them.
async fn shown(shop: &Shop) -> Vec<(String, String)> {
    let rows = shop.silver(Dataset::Customers).await;
    let field = |row: &str, at: usize| row.split('|').nth(at).unwrap().to_owned();
    rows.iter().map(|row| (field(row, 1), field(row, 2))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_is_left_from_silver_on() {
    let shop = shop().await;
    shop.transform("t1").await.unwrap();
    let customers = shown(&shop).await;
    assert_eq!(customers[0].0, "A***");
    let email = Dataset::Customers.columns().iter().find(|column| column.name == "email").unwrap();
    let hash = silver(&[], KEY).value(Dataset::Customers, email, "ada@example.com");
    assert_eq!(Some(&customers[0].1), hash.as_ref());
    for layer in ["silver/", "gold/"] {
        for (key, content) in shop.files(layer).await {
            for batch in parquet::decode(content.into()).unwrap() {
                let text = text_rows(&batch).join("\n");
                for personal in ["Lovelace", "Ada", "ada@", "Builder", "bob@"] {
                    assert!(!text.contains(personal), "{personal} in {key}");
                }
            }
        }
    }
    let dims = shop.query("SELECT * FROM warehouse.dim_customer").await.join("\n");
    assert!(!dims.contains("ada") && dims.contains("example.com"), "{dims}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_makes_silver_anew_and_nothing_is_left_of_the_old_hashes() {
    let mut shop = shop().await;
    shop.transform("t1").await.unwrap();
    let before = (shown(&shop).await, shop.files("silver/transactions").await);
    shop.context.silver = silver(&[], "another key, of as many letters.");
    shop.transform("t2").await.unwrap();
    let after = shown(&shop).await;
    assert_eq!(after.len(), 2);
    for (old, new) in before.0.iter().zip(&after) {
        assert_eq!(old.0, new.0);
        assert_ne!(old.1, new.1);
    }
    // Where nothing is hashed nothing is written.
    assert_eq!(before.1, shop.files("silver/transactions").await);
    // The first key gives the first bytes again.
    shop.context.silver = silver(&[], KEY);
    shop.transform("t3").await.unwrap();
    assert_eq!(shown(&shop).await, before.0);
    let names = shop.query("SELECT treatment FROM ops.silver_treatments").await.join("\n");
    assert!(names.contains("email=hash(email,") && !names.contains("thirty-two"), "{names}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_makes_silver_anew_and_a_dropped_column_is_null() {
    let mut shop = shop().await;
    shop.transform("t1").await.unwrap();
    let dropped = [
        ("EXCEPTIONS__PERSON_NAME__SILVER", "drop"),
        ("EXCEPTIONS__EMAIL__SILVER", "mask"),
        ("EXCEPTIONS__EMAIL__GOLD", "drop"),
    ];
    shop.context.silver = silver(&dropped, KEY);
    shop.transform("t2").await.unwrap();
    let (empty, masked) = (String::new(), "xxx@xxxxxxx.xxx".to_owned());
    assert_eq!(shown(&shop).await[0], (empty, masked));
    let files = shop.files("silver/customers").await;
    shop.transform("t3").await.unwrap();
    assert_eq!(shop.files("silver/customers").await, files);
    assert_eq!(shop.number("SELECT count(*) FROM warehouse.dim_customer").await, "2");
}
