//! The star schema on top of a warehouse of the release before it.

use crate::common::Shop;

#[tokio::test]
async fn the_facts_of_an_older_release_move_into_their_partitions() {
    let (_, client) = shopflow_testkit::database().await;
    for sql in [
        include_str!("../../../../sql/ddl/0001_core.sql"),
        include_str!("../../../../sql/ddl/0002_warehouse.sql"),
        include_str!("../../../../sql/ddl/0003_ops.sql"),
        "INSERT INTO warehouse.dim_customer (customer_id, is_inferred, valid_from, valid_to, is_current, row_hash)
         VALUES (1, true, '-infinity', 'infinity', true, '');
         INSERT INTO warehouse.dim_product (product_id, is_inferred, valid_from, valid_to, is_current, row_hash)
         VALUES (1, true, '-infinity', 'infinity', true, '');
         INSERT INTO warehouse.fact_sales
         VALUES (1, 20251231, 1, 1, 'paypal', '2025-12-31Z', 1, 2.00, 2.00),
                (2, 20260101, 1, 1, 'cheque', '2026-01-01Z', 3, 2.00, 6.00)",
        include_str!("../../../../sql/ddl/0005_star.sql"),
    ] {
        client.batch_execute(sql).await.unwrap();
    }
    let sql = "SELECT concat_ws(' ', f.tableoid::regclass, transaction_id, payment_method, amount)
               FROM warehouse.fact_sales AS f JOIN warehouse.dim_payment_method USING (payment_method_key)
               ORDER BY transaction_id";
    let rows = client.query(sql, &[]).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        lines,
        [
            "warehouse.fact_sales_2025_12 1 paypal 2.00",
            "warehouse.fact_sales_2026_01 2 cheque 6.00",
        ]
    );
}

#[tokio::test]
async fn a_fact_that_was_there_before_its_partition_moves_into_it() {
    let shop = Shop::open().await;
    shop.client
        .batch_execute(
            "INSERT INTO warehouse.dim_customer (customer_id, is_inferred, valid_from, valid_to, is_current, row_hash)
             VALUES (1, true, '-infinity', 'infinity', true, '');
             INSERT INTO warehouse.dim_product (product_id, is_inferred, valid_from, valid_to, is_current, row_hash)
             VALUES (1, true, '-infinity', 'infinity', true, '');
             INSERT INTO warehouse.fact_sales
             SELECT 1, 20260115, customer_key, product_key, 1, '2026-01-15Z', 1, 2.00, 2.00
             FROM warehouse.dim_customer, warehouse.dim_product",
        )
        .await
        .unwrap();
    let place = "SELECT tableoid::regclass FROM warehouse.fact_sales";
    assert_eq!(shop.number(place).await, "warehouse.fact_sales_default");
    for created in ["1", "0"] {
        let sql = "warehouse.create_month_partitions('fact_sales', ARRAY[date '2026-01-02', '2026-01-03'])";
        assert_eq!(shop.number(sql).await, created);
    }
    assert_eq!(shop.number(place).await, "warehouse.fact_sales_2026_01");
}

#[tokio::test]
async fn every_table_and_column_of_the_star_is_described() {
    let shop = Shop::open().await;
    let undescribed = "
        SELECT c.relname || coalesce('.' || a.attname, '') AS name
        FROM pg_class AS c
        LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'warehouse'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
          AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)
        ORDER BY 1";
    assert_eq!(shop.query(undescribed).await, Vec::<String>::new());
}
