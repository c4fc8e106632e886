//! The questions under `sql/analytics/` against a shop small enough to work out by hand.

use shopflow_testkit::database;
use tokio_postgres::{Client, SimpleQueryMessage};

/// Customer 1 moves from DE to FR and product 10 from toys to books, from 10.00 to 12.00, on
/// February 1; customer 3 and product 30 are inferred. Customers 4 to 12 buy the same for 1.00.
const SHOP: &str = "
INSERT INTO warehouse.dim_customer (customer_id, country, is_inferred, valid_from, valid_to,
                                    is_current, row_hash)
VALUES (1, 'DE', false, '-infinity', '2026-02-01', false, ''),
       (1, 'FR', false, '2026-02-01', 'infinity', true, ''),
       (2, 'FR', false, '-infinity', 'infinity', true, ''),
       (3, NULL, true, '-infinity', 'infinity', true, ''),
       (13, 'JP', false, '-infinity', 'infinity', true, '');
INSERT INTO warehouse.dim_customer (customer_id, country, is_inferred, valid_from, valid_to,
                                    is_current, row_hash)
SELECT id, 'US', false, '-infinity', 'infinity', true, '' FROM generate_series(4, 12) AS id;

INSERT INTO warehouse.dim_product (product_id, name, category, price, is_inferred, valid_from,
                                   valid_to, is_current, row_hash)
VALUES (10, 'Atlas', 'toys', 10, false, '-infinity', '2026-02-01', false, ''),
       (10, 'Atlas', 'books', 12, false, '2026-02-01', 'infinity', true, ''),
       (11, 'Ballads', 'books', 4, false, '-infinity', 'infinity', true, ''),
       (12, 'Comic', 'books', 1, false, '-infinity', 'infinity', true, ''),
       (13, 'Drama', 'books', 5, false, '-infinity', 'infinity', true, ''),
       (14, 'Essays', 'books', 6, false, '-infinity', 'infinity', true, ''),
       (15, 'Fables', 'books', 5, false, '-infinity', 'infinity', true, ''),
       (20, 'Kite', 'toys', 30, false, '-infinity', 'infinity', true, ''),
       (30, NULL, NULL, NULL, true, '-infinity', 'infinity', true, '');

INSERT INTO warehouse.fact_sales
SELECT row_number() OVER (), d.date_key, c.customer_key, p.product_key, 'paypal', sold_at, quantity,
       p.price, quantity * p.price
FROM (SELECT * FROM (VALUES
          (1, 10, 2, timestamptz '2026-01-10Z'), (1, 10, 1, '2026-02-10Z'),
          (2, 11, 5, '2026-01-15Z'), (2, 13, 1, '2026-01-25Z'), (2, 14, 1, '2026-01-25Z'),
          (2, 15, 1, '2026-01-25Z'), (2, 30, 2, '2026-04-03Z'),
          (3, 20, 1, '2026-04-02Z'), (12, 30, 1, '2026-01-21Z'), (13, 30, 1, '2026-01-22Z'))
          AS single (customer_id, product_id, quantity, sold_at)
      UNION ALL
      SELECT id, 12, 1, '2026-01-20Z' FROM generate_series(4, 12) AS id) AS sales
JOIN warehouse.dim_date AS d ON d.date = (sold_at AT TIME ZONE 'UTC')::date
JOIN warehouse.dim_customer AS c USING (customer_id)
JOIN warehouse.dim_product AS p USING (product_id)
WHERE sold_at >= c.valid_from AND sold_at < c.valid_to
  AND sold_at >= p.valid_from AND sold_at < p.valid_to;

INSERT INTO warehouse.monthly_sales VALUES
    ('2026-01-01', 16, 12, 20, 65.00, 2), ('2026-02-01', 1, 1, 1, 12.00, 0),
    ('2026-04-01', 2, 2, 3, 30.00, 1);
";

async fn warehouse() -> Client {
    let (_, client) = database().await;
    for sql in [
        include_str!("../../sql/ddl/0001_core.sql"),
        include_str!("../../sql/ddl/0002_warehouse.sql"),
    ] {
        client.batch_execute(sql).await.unwrap();
    }
    client
}

async fn shop() -> Client {
    let client = warehouse().await;
    client.batch_execute(SHOP).await.unwrap();
    client
}

/// Header and rows of the answer, cells joined by `|`.
async fn ask(client: &Client, question: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for message in client.simple_query(question).await.unwrap() {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
                lines.push(names.join("|"));
            }
            SimpleQueryMessage::Row(row) => {
                let cells: Vec<&str> =
                    (0..row.len()).map(|index| row.get(index).unwrap_or("-")).collect();
                lines.push(cells.join("|"));
            }
            _ => {}
        }
    }
    lines
}

const TOP_CUSTOMERS: &str = include_str!("../../sql/analytics/top_customers.sql");
const BEST_SELLING: &str = include_str!("../../sql/analytics/best_selling_products.sql");
const MONTHLY_TREND: &str = include_str!("../../sql/analytics/monthly_revenue_trend.sql");
const ORDER_VALUE: &str = include_str!("../../sql/analytics/average_order_value_by_country.sql");

#[tokio::test]
async fn top_customers_are_ten_and_ties_are_settled() {
    assert_eq!(
        ask(&shop().await, TOP_CUSTOMERS).await,
        [
            "rank|customer_id|country|transactions|revenue",
            "1|2|FR|5|36.00",
            "2|1|FR|2|32.00",
            "3|3|unknown|1|30.00",
            "4|12|US|2|1.00",
            "5|4|US|1|1.00",
            "6|5|US|1|1.00",
            "7|6|US|1|1.00",
            "8|7|US|1|1.00",
            "9|8|US|1|1.00",
            "10|9|US|1|1.00",
        ]
    );
}

#[tokio::test]
async fn best_sellers_are_five_per_category_of_today() {
    assert_eq!(
        ask(&shop().await, BEST_SELLING).await,
        [
            "category|rank|product_id|product|units|revenue|rank_by_revenue",
            "books|1|12|Comic|9|9.00|3",
            "books|2|11|Ballads|5|20.00|2",
            "books|3|10|Atlas|3|32.00|1",
            "books|4|14|Essays|1|6.00|4",
            "books|5|13|Drama|1|5.00|5",
            "toys|1|20|Kite|1|30.00|1",
            "unknown|1|30|-|4|0.00|1",
        ]
    );
}

#[tokio::test]
async fn the_monthly_trend_lists_months_without_a_sale() {
    assert_eq!(
        ask(&shop().await, MONTHLY_TREND).await,
        [
            "month|revenue|transactions|growth_percent|running_total",
            "2026-01|65.00|16|-|65.00",
            "2026-02|12.00|1|-81.54|77.00",
            "2026-03|0.00|0|-100.00|77.00",
            "2026-04|30.00|2|-|107.00",
        ]
    );
}

#[tokio::test]
async fn order_value_belongs_to_the_country_at_the_moment_of_sale() {
    assert_eq!(
        ask(&shop().await, ORDER_VALUE).await,
        [
            "country|transactions|revenue|average_order_value",
            "unknown|1|30.00|30.00",
            "DE|1|20.00|20.00",
            "FR|6|48.00|9.60",
            "US|10|9.00|1.00",
            "JP|1|0.00|-",
        ]
    );
}

#[tokio::test]
async fn an_empty_warehouse_has_empty_answers() {
    let client = warehouse().await;
    for question in [TOP_CUSTOMERS, BEST_SELLING, MONTHLY_TREND, ORDER_VALUE] {
        assert_eq!(ask(&client, question).await.len(), 1, "only the header");
    }
}
