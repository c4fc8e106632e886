//! Rows that have the id of a stored one: what corrects it, and what stands for something else.

use shopflow_core::Dataset;

use crate::world::{World, at, counts};

/// Id, customer, product and units of a sale; a guest's has no customer.
type Sale = (u32, &'static str, u32, i32);

/// A file of sales.
fn sales(rows: &[Sale]) -> String {
    let mut csv = "id,customer_id,product_id,quantity,timestamp,payment_method\n".to_owned();
    for (id, customer, product, units) in rows {
        csv += &format!("{id},{customer},{product},{units},2026-01-05T10:00:00Z,paypal\n");
    }
    csv
}

const AUDIT: &str = "SELECT source_key, replaced, replaced_ids FROM ops.load_attempts \
    JOIN ops.load_audit USING (run_id, dataset, part, source_key, replaced) \
    WHERE replaced > 0 ORDER BY source_key";

#[tokio::test]
async fn a_row_about_another_customer_or_product_replaces_and_any_other_corrects() {
    let world = World::new().await;
    let first =
        sales(&[(1, "1", 1, 2), (2, "1", 2, 2), (3, "2", 3, 2), (4, "", 4, 2), (5, "1", 5, 2)]);
    let result = world.load_file("r1", Dataset::Transactions, &at("01"), &first).await.unwrap();
    assert_eq!((counts(&result), result.replaced), ([5, 0, 0, 7], 0));
    let second = sales(&[
        (1, "1", 1, 2),
        // Corrections: of the units, and of a guest who turns out to be a customer.
        (2, "1", 2, 5),
        (4, "3", 4, 2),
        // Another product's sale, and another customer's.
        (3, "2", 9, 2),
        (5, "7", 5, 2),
        (6, "1", 6, 2),
    ]);
    let entry = world.file("r2", Dataset::Transactions, 0, &at("02"), second).await;
    let manifest = world.publish("r2", vec![entry]).await;
    let result = world.load("r2", Dataset::Transactions, &manifest).await.unwrap();
    assert_eq!((counts(&result), result.replaced), ([1, 4, 1, 4], 2));
    let ledger = result.ledger.clone().unwrap();
    assert_eq!((ledger.rows_in, ledger.rows_loaded, ledger.rows_unchanged), (6, 5, 1));
    assert!(ledger.is_balanced() && ledger.rows_replaced == 2);
    for _ in 0..2 {
        let again = world.load("r2", Dataset::Transactions, &manifest).await.unwrap();
        assert_eq!(again, result, "a repeated event has the same answer");
    }
    assert_eq!(
        world.lines(AUDIT).await,
        [r#"{"source_key":"incoming/transactions/r2.csv","replaced":2,"replaced_ids":[3,5]}"#]
    );
    // What was there before is kept, as of any other row that changes.
    let kept = "SELECT id, customer_id AS customer, product_id AS product \
                FROM core.transaction_history WHERE id IN (3, 5) ORDER BY id";
    assert_eq!(
        world.lines(kept).await,
        [r#"{"id":3,"customer":2,"product":3}"#, r#"{"id":5,"customer":1,"product":5}"#]
    );

    // A customer that is no longer known is no other one.
    let third = sales(&[(4, "", 4, 2)]);
    let result = world.load_file("r3", Dataset::Transactions, &at("03"), &third).await.unwrap();
    assert_eq!((counts(&result), result.replaced), ([0, 1, 0, 0], 0));
}

#[tokio::test]
async fn of_two_sales_with_one_id_the_later_stays_and_is_told_in_whatever_order_they_come() {
    let files = [("r1", "01", sales(&[(7, "1", 1, 2)])), ("r2", "02", sales(&[(7, "1", 2, 2)]))];
    for order in [[0, 1], [1, 0]] {
        let world = World::new().await;
        let mut replaced = Vec::new();
        for (run, hour, file) in order.map(|at| files[at].clone()) {
            let result =
                world.load_file(run, Dataset::Transactions, &at(hour), &file).await.unwrap();
            assert!(result.ledger.unwrap().is_balanced());
            replaced.push(result.replaced);
        }
        assert_eq!(replaced, [0, 1], "{order:?}");
        assert_eq!(
            world.lines("SELECT id, product_id FROM core.transactions").await,
            [r#"{"id":7,"product_id":2}"#]
        );
        // The files once more, as they were: nothing is replaced, nothing is lost.
        let (_, _, later) = &files[1];
        let again = world.load_file("r3", Dataset::Transactions, &at("02"), later).await.unwrap();
        assert_eq!((counts(&again), again.replaced), ([0, 0, 1, 0], 0));
    }
}

#[tokio::test]
async fn the_audit_tells_which_file_of_a_run_has_replaced_what() {
    let world = World::new().await;
    let files: [(u32, &'static str, &str, &[Sale]); 3] = [
        (0, "01", "morning", &[(1, "1", 1, 1), (2, "1", 2, 1), (3, "1", 3, 1)]),
        (1, "02", "noon", &[(2, "1", 2, 4), (4, "1", 4, 1)]),
        (2, "03", "evening", &[(1, "1", 5, 1), (3, "2", 3, 1), (4, "1", 6, 1), (5, "1", 5, 1)]),
    ];
    let mut entries = Vec::new();
    for (part, hour, name, rows) in files {
        let mut entry = world.file("r1", Dataset::Transactions, part, &at(hour), sales(rows)).await;
        entry.source.key = format!("incoming/transactions/{name}.csv");
        entries.push(entry);
    }
    let manifest = world.publish("r1", entries).await;
    let result = world.load("r1", Dataset::Transactions, &manifest).await.unwrap();
    let [inserted, updated, unchanged, _] = counts(&result);
    assert_eq!(([inserted, updated, unchanged], result.replaced), ([5, 4, 0], 3));
    assert_eq!(
        world.lines(AUDIT).await,
        [r#"{"source_key":"incoming/transactions/evening.csv","replaced":3,"replaced_ids":[1,4]}"#]
    );
}
