//! Two keys with the same number end the load, and nothing of the file is stored.

use shopflow_core::{Dataset, ErrorKind};

use crate::world::{World, at, counts};

fn customers(key: &str) -> String {
    format!(
        "id,name,email,registration_date,country,natural_key\n\
         5000000000000000000,Ann,a@example.com,2024-02-29,DE,{key}\n"
    )
}

fn sales(key: &str, quantity: u32) -> String {
    format!(
        "id,customer_id,product_id,quantity,timestamp,payment_method,natural_key\n\
         5000000000000000000,1,1,{quantity},2026-01-15T10:00:00Z,paypal,{key}\n"
    )
}

const KEYS: &str = "SELECT natural_key FROM core.customers WHERE natural_key IS NOT NULL \
    UNION ALL SELECT natural_key FROM core.transactions";

async fn refused(world: &World, run: &str, dataset: Dataset, hour: &'static str, file: &str) {
    let error = world.load_file(run, dataset, &at(hour), file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let text = error.to_string();
    assert!(text.contains("two keys have the same number"), "{text}");
    assert!(text.contains("5000000000000000000") && !text.contains("ZZ-9"), "{text}");
}

#[tokio::test]
async fn a_customer_never_takes_the_place_of_one_with_another_key() {
    let world = World::new().await;
    let own = customers("AB-1");
    let result = world.load_file("r1", Dataset::Customers, &at("02"), &own).await.unwrap();
    assert_eq!(counts(&result), [1, 0, 0, 0]);
    // Whichever is later.
    refused(&world, "r2", Dataset::Customers, "03", &customers("ZZ-9")).await;
    refused(&world, "r3", Dataset::Customers, "01", &customers("ZZ-9")).await;
    let result = world.load_file("r4", Dataset::Customers, &at("04"), &own).await.unwrap();
    assert_eq!(counts(&result), [0, 0, 1, 0]);
    assert_eq!(world.lines(KEYS).await, [r#"{"natural_key":"AB-1"}"#]);
}

#[tokio::test]
async fn a_sale_never_takes_the_place_of_one_with_another_key() {
    let world = World::new().await;
    let own = sales("1001/1", 1);
    world.load_file("r1", Dataset::Transactions, &at("02"), &own).await.unwrap();
    refused(&world, "r2", Dataset::Transactions, "03", &sales("ZZ-9", 1)).await;
    refused(&world, "r3", Dataset::Transactions, "01", &sales("ZZ-9", 2)).await;
    // The same key with other content is a correction.
    let corrected = sales("1001/1", 2);
    let result = world.load_file("r4", Dataset::Transactions, &at("04"), &corrected).await.unwrap();
    assert_eq!(counts(&result), [0, 1, 0, 0]);
    assert_eq!(world.lines(KEYS).await, [r#"{"natural_key":"1001/1"}"#]);
}

#[tokio::test]
async fn a_payment_never_takes_the_place_of_one_with_another_key() {
    let world = World::new().await;
    let payment =
        |key: &str| format!("id,order_id,amount,natural_key\n5000000000000000000,A-1,9.50,{key}\n");
    let own = payment("A-1/1");
    let result = world.load_file("r1", Dataset::Payments, &at("02"), &own).await.unwrap();
    assert_eq!(counts(&result), [1, 0, 0, 0]);
    refused(&world, "r2", Dataset::Payments, "03", &payment("ZZ-9")).await;
    let result = world.load_file("r3", Dataset::Payments, &at("04"), &own).await.unwrap();
    assert_eq!(counts(&result), [0, 0, 1, 0]);
}

#[tokio::test]
async fn what_an_erasure_has_left_of_a_key_is_no_other_key() {
    let world = World::new().await;
    world
        .load_file("r1", Dataset::Transactions, &at("02"), &sales("ann@x.org/1", 1))
        .await
        .unwrap();
    let erase = "UPDATE core.transactions SET natural_key = '[erased]/1'";
    world.sql.batch_execute(erase).await.unwrap();
    let corrected = sales("ann@x.org/1", 2);
    let result = world.load_file("r2", Dataset::Transactions, &at("03"), &corrected).await.unwrap();
    assert_eq!(counts(&result), [0, 1, 0, 0]);
}
