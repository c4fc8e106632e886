//! How customers pay, and what is left after costs.

use super::{ANSWERS, ask, shop};
use tokio_postgres::Client;

pub const PAYMENT_MIX: &str = include_str!("../../../../sql/analytics/payment_mix.sql");
pub const MARGINS: &str = include_str!("../../../../sql/analytics/margin_by_category.sql");

/// Payments with and without a day and a known way to pay, in three currencies, one of them without a
/// rate; the last but one is older than a year.
const PAYMENTS: &str = "
INSERT INTO core.payment_methods (name) VALUES ('cash'), ('voucher') ON CONFLICT DO NOTHING;
UPDATE warehouse.fact_sales SET order_id = 'A-1' WHERE date_key = 20260110;
INSERT INTO core.exchange_rates (id, rate_date, currency, rate, effective_at, source_modified_at,
                                 source_version_id, source_run_id)
VALUES (1, '2026-02-01', 'USD', 1.25, now(), now(), '', '');
INSERT INTO core.payments (id, order_id, payment_method_id, amount, currency, payment_date,
                           effective_at, source_modified_at, source_version_id, source_run_id)
SELECT p.id, p.order_id, m.payment_method_id, p.amount, p.currency, p.day::date, now(), now(), '', ''
FROM (VALUES (1, 'A-1', 'cash', 15, NULL, NULL), (2, 'A-1', 'voucher', 5, 'EUR', NULL),
             (3, 'B-2', 'cash', 10, 'USD', '2026-02-03'), (4, 'B-2', NULL, 2, NULL, '2026-02-03'),
             (5, 'B-2', 'voucher', 9, 'GBP', '2026-02-04'), (6, 'C-3', 'cash', 7, NULL, NULL),
             (7, 'D-4', 'cash', 99, NULL, '2025-02-28'), (8, 'A-1', 'cash', -4, NULL, '2026-02-09'))
     AS p (id, order_id, method, amount, currency, day)
LEFT JOIN core.payment_methods AS m ON m.name = p.method;
";

/// Two products of known cost, and their sales.
const COSTS: &str = "
UPDATE warehouse.dim_product SET cost = 1.5 WHERE product_id IN (11, 20);
UPDATE warehouse.fact_sales AS f SET cost = f.quantity * 1.5
FROM warehouse.dim_product AS p
WHERE p.product_key = f.product_key AND p.cost IS NOT NULL;
";

/// Computes the answers again, as a run does when sales have changed.
async fn answer_again(client: &Client) {
    let tables = "warehouse.country_sales, warehouse.category_sales, warehouse.supplier_sales,
        warehouse.payment_sales, warehouse.basket_sizes, warehouse.purchase_frequency,
        warehouse.cohort_activity, warehouse.session_funnel";
    client.batch_execute(&format!("TRUNCATE {tables}; {ANSWERS}")).await.unwrap();
}

#[tokio::test]
async fn without_payments_the_sales_say_how_customers_pay() {
    let client = shop().await;
    // A sale that was cancelled is no payment, and one in which nobody knows how is counted.
    client
        .batch_execute(
            "UPDATE warehouse.fact_sales SET status = 'cancelled', amount = 0
             WHERE date_key = 20260122;
             UPDATE warehouse.fact_sales SET payment_method_key = NULL WHERE date_key = 20260110;
             UPDATE warehouse.fact_sales SET payment_method_key = (
                 SELECT payment_method_key FROM warehouse.dim_payment_method
                 WHERE payment_method = 'paypal') WHERE date_key IN (20260210, 20260403)",
        )
        .await
        .unwrap();
    answer_again(&client).await;
    assert_eq!(
        ask(&client, PAYMENT_MIX).await,
        [
            "month|payment_method|payments|amount|share_percent",
            "2026-01|apple_pay|14|45.00|69.23",
            "2026-01|unknown|1|20.00|30.77",
            "2026-02|paypal|1|12.00|100.00",
            "2026-04|apple_pay|1|30.00|100.00",
            // Nobody knows the price.
            "2026-04|paypal|1|-|-",
        ]
    );
}

#[tokio::test]
async fn payments_say_how_customers_pay_in_the_currency_of_the_shop() {
    let client = shop().await;
    client.batch_execute(PAYMENTS).await.unwrap();
    assert_eq!(
        ask(&client, PAYMENT_MIX).await[1..],
        [
            "2026-01|cash|1|15.00|75.00",
            "2026-01|voucher|1|5.00|25.00",
            "2026-02|cash|2|4.00|66.67",
            "2026-02|unknown|1|2.00|33.33",
            "2026-02|voucher|1|-|-",
        ]
    );
}

#[tokio::test]
async fn margins_are_those_of_lines_whose_cost_is_known() {
    let client = shop().await;
    assert_eq!(ask(&client, MARGINS).await.len(), 1, "nothing has a cost yet");
    client.batch_execute(COSTS).await.unwrap();
    answer_again(&client).await;
    assert_eq!(
        ask(&client, MARGINS).await,
        [
            "category|costed_revenue|margin|margin_percent|costed_percent",
            "toys|30.00|28.50|95.00|60.00",
            "books|20.00|12.50|62.50|35.09",
        ]
    );
}
