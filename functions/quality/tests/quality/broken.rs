//! Each check fails when what it protects is broken, and no other one does.

use shopflow_core::{Dataset, Stage, keys};

use crate::support::{RUN_ID, SALES, Shop, daily_sales, silver_customers, silver_sales};

/// Breaks healthy shops with SQL and compares the failed checks.
pub async fn assert_sql_breaks(cases: &[(&str, &[&str])]) {
    for (sql, expected) in cases {
        let shop = Shop::open().await;
        shop.db.batch_execute(sql).await.unwrap();
        assert_eq!(&shop.failed().await, expected, "{sql}");
    }
}

#[tokio::test]
async fn core_keys_and_references() {
    let without_keys = "
        ALTER TABLE core.customers REPLICA IDENTITY FULL;
        ALTER TABLE core.products REPLICA IDENTITY FULL;
        ALTER TABLE core.transactions REPLICA IDENTITY FULL;
        ALTER TABLE core.customers DROP CONSTRAINT customers_pkey CASCADE;
        ALTER TABLE core.products DROP CONSTRAINT products_pkey CASCADE;
        ALTER TABLE core.transactions DROP CONSTRAINT transactions_pkey CASCADE;
        ALTER TABLE core.customers ALTER COLUMN id DROP NOT NULL;
        ALTER TABLE core.products ALTER COLUMN id DROP NOT NULL;";
    let broken = |sql: &str| format!("{without_keys} {sql}");
    assert_sql_breaks(&[
        (
            &broken("INSERT INTO core.customers SELECT * FROM core.customers WHERE id = 2"),
            &["core.customers.id_unique"],
        ),
        (
            &broken("INSERT INTO core.products SELECT * FROM core.products WHERE id = 2"),
            &["core.products.id_unique"],
        ),
        (
            // A repeated sale is also one that the warehouse and the lake do not have.
            &broken("INSERT INTO core.transactions SELECT * FROM core.transactions WHERE id = 2"),
            &[
                "core.transactions.id_unique",
                "warehouse.fact_sales.rows",
                "lake.silver_transactions.rows",
                "lake.silver_transactions.content",
            ],
        ),
        (
            &broken("DELETE FROM core.customers WHERE id = 2"),
            &["core.transactions.customer_resolves"],
        ),
        (
            &broken("DELETE FROM core.products WHERE id = 2"),
            &["core.transactions.product_resolves"],
        ),
        (
            &broken("UPDATE core.customers SET id = NULL WHERE id = 2"),
            &[
                "core.customers.id_not_null",
                "core.transactions.customer_resolves",
                "warehouse.dim_customer.one_current",
            ],
        ),
        (
            &broken("UPDATE core.products SET id = NULL WHERE id = 2"),
            &[
                "core.products.id_not_null",
                "core.transactions.product_resolves",
                "warehouse.dim_product.one_current",
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn core_warnings_leave_the_gate_open() {
    for (sql, expected) in [
        (
            "UPDATE core.customers SET is_inferred = true WHERE id = 1",
            "core.customers.none_inferred",
        ),
        ("UPDATE core.products SET is_inferred = true WHERE id = 1", "core.products.none_inferred"),
    ] {
        let shop = Shop::open().await;
        shop.db.batch_execute(sql).await.unwrap();
        let result = shop.check().await;
        assert!(result.gate_passed && result.critical.is_empty());
        assert!(result.score < 100.0);
        assert_eq!(shop.failed().await, [expected]);
    }
}

#[tokio::test]
async fn stale_sales_are_a_warning() {
    let shop = Shop::open().await;
    // Everything ten days older, in every layer: only the freshness is gone.
    shop.db
        .batch_execute(
            "UPDATE core.transactions SET \"timestamp\" = \"timestamp\" - interval '10 days';
             UPDATE warehouse.fact_sales SET sold_at = sold_at - interval '10 days',
                                             date_key = date_key - 10;
             UPDATE warehouse.dim_product SET valid_from = valid_from - interval '10 days',
                                              valid_to = valid_to - interval '10 days'",
        )
        .await
        .unwrap();
    let table = keys::silver_table(Dataset::Transactions);
    let mut sales = SALES;
    for (sale, moment) in sales.iter_mut().zip([
        "2026-01-03T23:30:00Z",
        "2026-01-04T12:00:00Z",
        "2026-01-04T18:00:00Z",
        "2026-01-05T01:00:00Z",
    ]) {
        sale.4 = moment;
    }
    shop.replace(&table, "month=2026-01", Some(silver_sales(&sales))).await;
    let result = shop.check().await;
    assert!(result.gate_passed);
    assert_eq!(shop.failed().await, ["core.transactions.fresh"]);
}

#[tokio::test]
async fn dimension_histories() {
    assert_sql_breaks(&[
        (
            "DROP INDEX IF EXISTS warehouse.dim_customer_current;
             INSERT INTO warehouse.dim_customer (customer_id, is_inferred, valid_from, valid_to,
                                                 is_current, row_hash)
             VALUES (1, false, '2026-01-14', 'infinity', true, 'h')",
            &["warehouse.dim_customer.one_current", "warehouse.dim_customer.no_overlaps"],
        ),
        (
            "UPDATE warehouse.dim_customer SET valid_to = '2026-01-16', is_current = false
             WHERE customer_id = 1",
            &["warehouse.dim_customer.one_current"],
        ),
        (
            "INSERT INTO core.customers
             SELECT 3, name, email, registration_date, country, false, row_hash, 1, effective_at,
                    source_modified_at, 'v', 'run-1', now(), now()
             FROM core.customers WHERE id = 1",
            &["warehouse.dim_customer.one_current"],
        ),
        (
            "UPDATE warehouse.dim_customer SET valid_from = '2026-01-01' WHERE customer_id = 1",
            &["warehouse.dim_customer.no_gaps"],
        ),
        (
            "UPDATE warehouse.dim_product SET valid_from = '2026-01-14T23:59:00Z'
             WHERE product_id = 1 AND is_current",
            &["warehouse.dim_product.no_overlaps"],
        ),
        (
            "UPDATE warehouse.dim_product SET valid_from = '2026-01-15T00:59:00Z'
             WHERE product_id = 1 AND is_current",
            &["warehouse.dim_product.no_gaps"],
        ),
        (
            "UPDATE warehouse.dim_product SET valid_to = '2026-02-01', is_current = false
             WHERE product_id = 2",
            &["warehouse.dim_product.one_current"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn facts_against_core() {
    assert_sql_breaks(&[
        (
            // Same number of rows, another sale.
            "UPDATE warehouse.fact_sales SET transaction_id = 40 WHERE transaction_id = 4",
            &["warehouse.fact_sales.rows"],
        ),
        (
            "UPDATE warehouse.fact_sales SET date_key = 20260114 WHERE transaction_id = 4",
            &["warehouse.fact_sales.rows"],
        ),
        (
            // The price of today instead of the one at the sale; the totals do not agree either.
            "UPDATE warehouse.fact_sales
             SET product_key = (SELECT product_key FROM warehouse.dim_product
                                WHERE product_id = 1 AND is_current),
                 unit_price = 12, amount = 24
             WHERE transaction_id = 1;
             UPDATE warehouse.daily_sales SET revenue = revenue + 4, gross = gross + 4
             WHERE event_date = '2026-01-13';
             UPDATE warehouse.weekly_sales SET revenue = revenue + 4, gross = gross + 4;
             UPDATE warehouse.monthly_sales SET revenue = revenue + 4, gross = gross + 4;
             UPDATE warehouse.product_sales SET revenue = revenue + 4 WHERE product_id = 1;
             UPDATE warehouse.category_sales SET revenue = revenue + 4;
             UPDATE warehouse.payment_sales SET revenue = revenue + 4;
             UPDATE warehouse.customer_lifetime_value SET revenue = revenue + 4
             WHERE customer_id = 1",
            &["warehouse.fact_sales.priced_as_of_sale", "lake.gold_daily_sales.totals"],
        ),
    ])
    .await;
    let shop = Shop::open().await;
    shop.db
        .batch_execute("DELETE FROM warehouse.fact_sales WHERE transaction_id = 2")
        .await
        .unwrap();
    let result = shop.check().await;
    assert!(!result.gate_passed);
    assert!(result.critical.contains(&"warehouse.fact_sales.rows".to_owned()));
    assert!(result.critical.contains(&"lake.gold_fact_sales.rows".to_owned()));
    let report = shop.report().await;
    let checks = report["checks"].as_array().unwrap();
    let rows = checks.iter().find(|c| c["name"] == "warehouse.fact_sales.rows").unwrap();
    assert_eq!((&rows["expected"], &rows["actual"]), (&"4".into(), &"3".into()));
    assert_eq!(rows["detail"], "differs on 2026-01-14");
}

#[tokio::test]
async fn facts_against_what_sales_say_themselves() {
    let own_price = "UPDATE core.transactions SET unit_price = 9 WHERE id = 2";
    let marked = format!("{own_price}; INSERT INTO ops.dirty_dates VALUES ('2026-01-14')");
    let guest = "UPDATE core.transactions SET customer_id = NULL WHERE id = 2;
                 UPDATE warehouse.fact_sales SET customer_key = NULL WHERE transaction_id = 2";
    let without_value =
        format!("{guest}; DELETE FROM warehouse.customer_lifetime_value WHERE customer_id = 2");
    let lost = "UPDATE warehouse.fact_sales SET product_key = NULL WHERE transaction_id = 2";
    let postage = format!(
        "{lost}; UPDATE core.transactions SET product_id = NULL, unit_price = 10 WHERE id = 2"
    );
    let out_of_products = format!(
        "{postage}; UPDATE warehouse.product_sales
         SET transactions = transactions - 1, units = units - 1, revenue = revenue - 10
         WHERE product_id = 1"
    );
    assert_sql_breaks(&[
        (own_price, &["warehouse.fact_sales.priced_as_of_sale"]),
        (lost, &["warehouse.fact_sales.priced_as_of_sale", "warehouse.product_sales.totals"]),
        (&postage, &["warehouse.product_sales.totals"]),
        (&out_of_products, &[]),
        (
            "UPDATE core.transactions SET discount = 0.5 WHERE id = 2",
            &["warehouse.fact_sales.priced_as_of_sale"],
        ),
        (
            "UPDATE core.transactions SET status = 'cancelled' WHERE id = 2",
            &["warehouse.fact_sales.priced_as_of_sale"],
        ),
        // A load has changed it, and no transform has run since.
        (&marked, &["warehouse.marks.cleared"]),
        (guest, &["warehouse.customer_lifetime_value.totals"]),
        (&without_value, &[]),
    ])
    .await;
}

#[tokio::test]
async fn aggregates_against_facts() {
    assert_sql_breaks(&[
        (
            "UPDATE warehouse.daily_sales SET revenue = revenue + 0.01
             WHERE event_date = '2026-01-14'",
            &["warehouse.daily_sales.totals", "lake.gold_daily_sales.totals"],
        ),
        ("UPDATE warehouse.weekly_sales SET units = units + 1", &["warehouse.weekly_sales.totals"]),
        (
            "DELETE FROM warehouse.monthly_sales",
            &["warehouse.monthly_sales.totals", "warehouse.monthly_sales.gross_to_net"],
        ),
        (
            "UPDATE warehouse.daily_sales SET gross = gross + 1, discounts = discounts + 1
             WHERE event_date = '2026-01-14'",
            &["warehouse.daily_sales.gross_to_net"],
        ),
        (
            "UPDATE warehouse.weekly_sales SET returns = 0.01",
            &["warehouse.weekly_sales.gross_to_net"],
        ),
        (
            "UPDATE warehouse.product_sales SET transactions = transactions - 1
             WHERE product_id = 2",
            &["warehouse.product_sales.totals"],
        ),
        (
            "UPDATE warehouse.category_sales SET units = units - 1",
            &["warehouse.category_sales.totals"],
        ),
        ("UPDATE warehouse.category_sales SET margin = 1", &["warehouse.category_sales.margin"]),
        (
            "UPDATE warehouse.payment_sales SET revenue = revenue - 0.01",
            &["warehouse.payment_sales.totals"],
        ),
        (
            "UPDATE warehouse.payment_sales SET transactions = transactions + 1",
            &["warehouse.payment_sales.totals"],
        ),
        (
            "DELETE FROM warehouse.customer_lifetime_value WHERE customer_id = 2",
            &["warehouse.customer_lifetime_value.totals"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn unfinished_work() {
    let open = format!(
        "UPDATE ops.lake_queue SET transformed_at = NULL, transformed_by = NULL
         WHERE run_id = '{RUN_ID}' AND dataset = 'transactions'"
    );
    assert_sql_breaks(&[
        (&open, &["lake.queue.closed"]),
        (
            "INSERT INTO ops.dirty_entities (dataset, id) VALUES ('products', 1)",
            &["warehouse.marks.cleared"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn silver_against_core() {
    let table = keys::silver_table(Dataset::Transactions);
    let of_both = ["lake.silver_transactions.rows", "lake.silver_transactions.content"];
    let shop = Shop::open().await;
    shop.replace(&table, "month=2026-01", Some(silver_sales(&SALES[..3]))).await;
    assert_eq!(shop.failed().await, of_both);

    // A row in the wrong month, which should not be there.
    let shop = Shop::open().await;
    let mut strayed = SALES[3];
    strayed.4 = "2026-02-01T01:00:00Z";
    shop.replace(&table, "month=2026-01", Some(silver_sales(&SALES[..3]))).await;
    shop.replace(&table, "month=2026-02", Some(silver_sales(&[strayed]))).await;
    assert_eq!(shop.failed().await, of_both);

    // As many rows in the month, but one on the wrong date, or with a stale quantity.
    let mut moved = SALES;
    moved[3].4 = "2026-01-16T01:00:00Z";
    let mut stale = SALES;
    stale[3].3 = 7;
    for sales in [moved, stale] {
        let shop = Shop::open().await;
        shop.replace(&table, "month=2026-01", Some(silver_sales(&sales))).await;
        assert_eq!(shop.failed().await, ["lake.silver_transactions.content"]);
    }
}

#[tokio::test]
async fn gold_against_the_warehouse() {
    let shop = Shop::open().await;
    let daily = daily_sales(&[(2, 2000), (4, 7000), (1, 1201)]);
    shop.replace(&keys::gold_table("daily_sales"), "", Some(daily)).await;
    assert_eq!(shop.failed().await, ["lake.gold_daily_sales.totals"]);

    let shop = Shop::open().await;
    shop.replace(&keys::gold_table("fact_sales"), "month=2026-01", None).await;
    assert_eq!(shop.failed().await, ["lake.gold_fact_sales.rows"]);
}

#[tokio::test]
async fn personal_data_in_silver_is_found_and_not_repeated() {
    for customer in [("Zoe", "vqcbz4d2rz5efvrhyxk3mnh2aa"), ("Z***", "zoe@example.org")] {
        let shop = Shop::open().await;
        let table = keys::silver_table(Dataset::Customers);
        let leaked = silver_customers(&[customer, ("B***", "m5qkd7yw6tbpchjv3xzo2n4feu")]);
        shop.replace(&table, "month=2026-02", Some(leaked)).await;
        assert_eq!(shop.failed().await, ["lake.silver_customers.masked"]);
        let text = shop.report().await.to_string();
        assert!(!text.contains("Zoe") && !text.contains("zoe"), "{text}");
    }
}

#[tokio::test]
async fn the_ledger_of_the_run() {
    let mut shop = Shop::open().await;
    let index = shop.ledger.iter().position(|entry| entry.stage == Stage::Load).unwrap();
    shop.ledger[index].rows_loaded -= 1;
    assert_eq!(shop.failed().await, ["ledger.balanced.load.customers"]);
    shop.ledger[index].rows_in -= 1;
    assert_eq!(
        shop.failed().await,
        [
            "ledger.continuous.upload_to_load.customers",
            "ledger.continuous.load_to_transform.customers",
        ]
    );
    shop.ledger.clear();
    let failed = shop.failed().await;
    assert_eq!(failed, Vec::<String>::new(), "a run without files has nothing to account for");
}
