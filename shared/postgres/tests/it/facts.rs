//! The upgrade of facts that have neither tax, shipping nor currency.

use shopflow_postgres::Database;

use crate::upgrade::{at_version, lines};

/// The last version in which all money is in one currency.
const WITH_ONE_CURRENCY: usize = 22;

/// A sale and what stands in the tables by period.
const FACTS: &str = "
    INSERT INTO warehouse.dim_customer (customer_id, country, is_inferred, valid_from, valid_to,
                                        is_current, row_hash)
    VALUES (1, 'DE', false, '-infinity', 'infinity', true, '');
    INSERT INTO warehouse.dim_product (product_id, name, category, supplier, price, is_inferred,
                                       valid_from, valid_to, is_current, row_hash)
    VALUES (1, 'Lamp', 'home', 'Lux', 5, false, '-infinity', 'infinity', true, '');
    INSERT INTO warehouse.fact_sales (transaction_id, date_key, customer_key, product_key, sold_at,
        quantity, unit_price, amount)
    SELECT 1, 20260110, customer_key, product_key, '2026-01-10', 2, 5, 10
    FROM warehouse.dim_customer, warehouse.dim_product;
    INSERT INTO warehouse.daily_sales VALUES ('2026-01-10', 3, 2, 7, 40.50, 1, 3, 42, 1.50, 0);
    INSERT INTO warehouse.weekly_sales VALUES ('2026-01-05', 3, 2, 7, 40.50, 1, 3, 42, 1.50, 0);
    INSERT INTO warehouse.monthly_sales VALUES ('2026-01-01', 3, 2, 7, 40.50, 1, 3, 42, 1.50, 0);
    CREATE VIEW public.own_sales AS SELECT country, amount FROM warehouse.sales";

#[tokio::test]
async fn facts_of_one_currency_stay_and_their_dates_are_written_once_more() {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    at_version(&sql, WITH_ONE_CURRENCY).await;
    sql.batch_execute(FACTS).await.unwrap();
    let mut client = database.connect().await.unwrap();
    database.migrate(&mut client).await.unwrap();
    let facts = "SELECT unit_price, amount, tax, shipping, cost, currency, exchange_rate, charged \
                 FROM warehouse.fact_sales";
    assert_eq!(
        lines(&sql, facts).await,
        [
            r#"{"unit_price":5.00,"amount":10.00,"tax":null,"shipping":null,"cost":null,"currency":null,"exchange_rate":null,"charged":null}"#
        ]
    );
    for table in ["daily_sales", "weekly_sales", "monthly_sales"] {
        let parts = format!(
            "SELECT transactions AS lines, revenue, gross, tax, shipping, costed_revenue, margin \
             FROM warehouse.{table}"
        );
        assert_eq!(
            lines(&sql, &parts).await,
            [
                r#"{"lines":3,"revenue":40.50,"gross":42.00,"tax":0.00,"shipping":0.00,"costed_revenue":0.00,"margin":0.00}"#
            ],
            "{table}"
        );
    }
    let own = "SELECT country, amount FROM public.own_sales";
    assert_eq!(lines(&sql, own).await, [r#"{"country":"DE","amount":10.00}"#]);
    // Only those with facts, of all days of the calendar.
    let dates = "SELECT event_date FROM ops.dirty_dates";
    assert_eq!(lines(&sql, dates).await, [r#"{"event_date":"2026-01-10"}"#]);
    let shop = "SELECT currency, base, max_age_days FROM ops.shop_currency";
    let expected = r#"{"currency":"EUR","base":"EUR","max_age_days":7}"#;
    assert_eq!(lines(&sql, shop).await, [expected]);
    let published = "SELECT tablename AS table FROM pg_publication_tables \
                     WHERE tablename ~ '^(exchange_rate|payment)' ORDER BY 1";
    let expected = [
        "exchange_rate_history",
        "exchange_rates",
        "payment_history",
        "payment_methods",
        "payments",
    ]
    .map(|table| format!(r#"{{"table":"{table}"}}"#));
    assert_eq!(lines(&sql, published).await, expected);
}

#[tokio::test]
async fn a_publication_of_all_tables_has_the_new_ones() {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    at_version(&sql, WITH_ONE_CURRENCY).await;
    let all = "DROP PUBLICATION shopflow_cdc; CREATE PUBLICATION shopflow_cdc FOR ALL TABLES";
    sql.batch_execute(all).await.unwrap();
    let mut client = database.connect().await.unwrap();
    database.migrate(&mut client).await.unwrap();
    let published = "SELECT tablename AS table FROM pg_publication_tables \
                     WHERE schemaname = 'core' AND tablename = 'payments'";
    assert_eq!(lines(&sql, published).await, [r#"{"table":"payments"}"#]);
}
