//! An upgrade to answers about what is left after costs and about how customers pay.

use shopflow_postgres::Database;
use tokio_postgres::Client;

use crate::upgrade::{at_version, lines};

/// The last version without them.
const WITHOUT: usize = 24;

/// A sale on the last evening of January in UTC, which is February in Berlin; one of the same order
/// that has no price, and of which nobody knows how it was paid; and one that was cancelled. The lamp
/// has a cost, the pen has none, and everybody may read sales.
const SALES: &str = "
    INSERT INTO ops.business_time (time_zone) VALUES ('Europe/Berlin');
    INSERT INTO warehouse.dim_product (product_id, name, category, price, cost, is_inferred,
                                       valid_from, valid_to, is_current, row_hash)
    VALUES (1, 'Lamp', 'home', 5, 2, false, '-infinity', 'infinity', true, ''),
           (2, 'Pen', 'toys', NULL, NULL, false, '-infinity', 'infinity', true, '');
    INSERT INTO warehouse.fact_sales (transaction_id, date_key, product_key, payment_method_key,
        sold_at, quantity, unit_price, amount, cost, order_id, status)
    SELECT s.id, s.date_key, p.product_key, m.payment_method_key, s.sold_at, s.quantity, p.price,
           s.amount, s.cost, s.order_id, s.status
    FROM (VALUES
        (1, 20260131, 1, 'paypal', timestamptz '2026-01-31T23:30:00Z', 2, 10.00, 4.00, 'A-1', NULL),
        (2, 20260202, 2, NULL, '2026-02-02T12:00:00Z', 1, NULL, NULL, 'A-1', NULL),
        (3, 20260203, 1, 'paypal', '2026-02-03T12:00:00Z', 5, 0.00, 0.00, NULL, 'cancelled'))
        AS s (id, date_key, product_id, paid, sold_at, quantity, amount, cost, order_id, status)
    JOIN warehouse.dim_product AS p USING (product_id)
    LEFT JOIN warehouse.dim_payment_method AS m ON m.payment_method = s.paid;
    INSERT INTO warehouse.category_sales
    VALUES ('2026-02-01', 'home', 2, 2, 10.00), ('2026-02-01', 'toys', 1, 1, 0.00);
    INSERT INTO ops.publications (table_name, content)
    VALUES ('category_sales', 'c'), ('supplier_sales', 's');
    GRANT SELECT ON warehouse.fact_sales TO PUBLIC";

/// A database that had [`SALES`] before its upgrade.
async fn upgraded() -> Client {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    at_version(&sql, WITHOUT).await;
    sql.batch_execute(SALES).await.unwrap();
    let mut client = database.connect().await.unwrap();
    database.migrate(&mut client).await.unwrap();
    sql
}

#[tokio::test]
async fn answers_about_money_are_there_after_the_upgrade_and_are_computed_again() {
    let sql = upgraded().await;

    let margins = "SELECT category, revenue, costed_transactions AS costed, costed_revenue, margin
        FROM warehouse.category_sales ORDER BY 1";
    assert_eq!(
        lines(&sql, margins).await,
        [
            r#"{"category":"home","revenue":10.00,"costed":2,"costed_revenue":10.00,"margin":6.00}"#,
            r#"{"category":"toys","revenue":0.00,"costed":0,"costed_revenue":0.00,"margin":0.00}"#,
        ]
    );
    assert_eq!(
        lines(&sql, "SELECT * FROM warehouse.payment_sales ORDER BY 1, 2").await,
        [
            r#"{"month_start":"2026-02-01","payment_method":"paypal","transactions":2,"priced_transactions":2,"lines_sold":1,"revenue":10.00}"#,
            r#"{"month_start":"2026-02-01","payment_method":"unknown","transactions":1,"priced_transactions":0,"lines_sold":1,"revenue":0.00}"#,
        ]
    );
    let published = "SELECT table_name FROM ops.publications";
    assert_eq!(lines(&sql, published).await, [r#"{"table_name":"supplier_sales"}"#]);
    let versions = "SELECT count(*) AS counted FROM ops.data_versions
        WHERE table_name = 'warehouse.payment_sales'";
    assert_eq!(lines(&sql, versions).await, [r#"{"counted":1}"#]);
    let may_read = "SELECT count(*) AS readers FROM pg_class, aclexplode(relacl)
        WHERE oid = 'warehouse.payment_sales'::regclass AND grantee = 0";
    assert_eq!(lines(&sql, may_read).await, [r#"{"readers":1}"#]);
}

#[tokio::test]
async fn an_order_says_how_many_of_its_lines_wait_for_a_price_or_a_rate() {
    let sql = upgraded().await;
    // Charged in dollars, whatever they are worth.
    sql.batch_execute(
        "UPDATE warehouse.fact_sales SET order_id = 'B-2', currency = 'USD', amount = NULL,
                                         charged = 7.00, status = NULL
         WHERE transaction_id = 3;
         INSERT INTO core.payments (id, order_id, amount, effective_at, source_modified_at,
                                    source_version_id, source_run_id)
         VALUES (1, 'C-3', 5, '2026-02-01', '2026-02-01', 'v', 'r1')",
    )
    .await
    .unwrap();
    let orders = "SELECT order_id, currency, charged, payments, unpriced_lines AS unpriced
        FROM warehouse.order_payments ORDER BY 1";
    assert_eq!(
        lines(&sql, orders).await,
        [
            r#"{"order_id":"A-1","currency":"EUR","charged":10.00,"payments":0,"unpriced":1}"#,
            r#"{"order_id":"B-2","currency":"USD","charged":7.00,"payments":0,"unpriced":0}"#,
            r#"{"order_id":"C-3","currency":"EUR","charged":null,"payments":1,"unpriced":0}"#,
        ]
    );
    // At the list price, which nobody can convert to dollars.
    let listed = "UPDATE warehouse.fact_sales SET amount = 25.00, charged = NULL
        WHERE transaction_id = 3";
    sql.batch_execute(listed).await.unwrap();
    let waits = format!("{orders} LIMIT 1 OFFSET 1");
    assert_eq!(
        lines(&sql, &waits).await,
        [r#"{"order_id":"B-2","currency":"USD","charged":null,"payments":0,"unpriced":1}"#]
    );
}
