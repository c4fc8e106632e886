//! The questions under `sql/analytics/` against a shop small enough to work out by hand.

mod money;

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

INSERT INTO warehouse.fact_sales (transaction_id, date_key, customer_key, product_key,
                                  payment_method_key, sold_at, quantity, unit_price, amount)
SELECT row_number() OVER (), d.date_key, c.customer_key, p.product_key,
       (SELECT min(payment_method_key) FROM warehouse.dim_payment_method), sold_at, quantity,
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
INSERT INTO warehouse.daily_sales VALUES
    ('2026-01-05', 1, 1, 1, 1.00, 0), ('2026-01-28', 1, 1, 1, 1.00, 0);
INSERT INTO warehouse.weekly_sales VALUES
    ('2026-01-05', 3, 1, 3, 100.00, 0), ('2026-01-12', 2, 1, 2, 150.00, 0),
    ('2026-01-26', 1, 1, 1, 30.00, 0);

INSERT INTO warehouse.product_sales
SELECT product_id, count(*), sum(quantity), coalesce(sum(amount), 0)
FROM warehouse.sales GROUP BY 1;
INSERT INTO warehouse.customer_lifetime_value (customer_id, first_purchase, last_purchase,
    transactions, revenue, average_order_value, projected_annual_value)
SELECT customer_id, min(event_date), max(event_date), count(*), coalesce(sum(amount), 0), 0, 0
FROM warehouse.sales GROUP BY 1;

-- The cart event of session c was lost.
INSERT INTO warehouse.fact_sessions (session_id, date_key, end_date_key, started_at, ended_at,
    duration_seconds, device, country, events, page_views, product_views, searches, cart_adds,
    checkouts, purchases, is_purchase)
SELECT session_id, 20260110, 20260110, '2026-01-10Z', '2026-01-10Z', 0, 'mobile', 'DE', 1, 1, views,
       0, 0, checkouts, purchases, purchases > 0
FROM (VALUES ('a', 0, 0, 0), ('b', 1, 0, 0), ('c', 1, 1, 0), ('d', 0, 0, 1))
     AS visit (session_id, views, checkouts, purchases);
";

/// Months, weeks and suppliers of which more came back than was sold.
const GIVEN_BACK: &str = "
INSERT INTO warehouse.monthly_sales VALUES
    ('2026-01-01', 1, 1, -5, -50.00, 0), ('2026-02-01', 1, 1, -2, -25.00, 0),
    ('2026-03-01', 1, 1, 1, 10.00, 0), ('2026-05-01', 1, 1, 3, 30.00, 0);
INSERT INTO warehouse.daily_sales VALUES
    ('2026-01-05', 1, 1, -2, -20.00, 0), ('2026-02-01', 1, 1, 1, 1.00, 0);
INSERT INTO warehouse.weekly_sales VALUES
    ('2026-01-05', 1, 1, -2, -20.00, 0), ('2026-01-12', 1, 1, -1, -10.00, 0),
    ('2026-01-19', 1, 1, 4, 40.00, 0), ('2026-01-26', 1, 1, 2, 20.00, 0);
INSERT INTO warehouse.supplier_sales VALUES
    ('2026-01-01', 'Grows', 1, 4, 40.00), ('2026-05-01', 'Grows', 1, 6, 60.00),
    ('2026-05-01', 'Nothing before', 1, 5, 50.00),
    ('2026-01-01', 'Recovers', 1, -1, -10.00), ('2026-05-01', 'Recovers', 1, 3, 30.00),
    ('2026-06-01', 'Grows', 1, 1, 10.00);
";

/// The answers about all sales and visits, as gold has them.
const ANSWERS: &str = include_str!("../../../cli/src/sample/answers.sql");

async fn warehouse() -> Client {
    let (_, mut client) = database().await;
    client.batch_execute("SET timezone = 'UTC'").await.unwrap();
    shopflow_postgres::migrate(&mut client).await.unwrap();
    client
}

async fn shop() -> Client {
    let client = warehouse().await;
    client.batch_execute(SHOP).await.unwrap();
    client.batch_execute(ANSWERS).await.unwrap();
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

const TOP_CUSTOMERS: &str = include_str!("../../../sql/analytics/top_customers.sql");
const BEST_SELLING: &str = include_str!("../../../sql/analytics/best_selling_products.sql");
const MONTHLY_TREND: &str = include_str!("../../../sql/analytics/monthly_revenue_trend.sql");
const ORDER_VALUE: &str = include_str!("../../../sql/analytics/average_order_value_by_country.sql");

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
async fn a_customer_comes_back_on_another_day() {
    let question = include_str!("../../../sql/analytics/repeat_purchase_rate.sql");
    assert_eq!(
        ask(&shop().await, question).await,
        [
            "baskets|customers|customers_percent|revenue|revenue_percent",
            "1|10|76.92|38.00|35.51",
            "2|2|15.38|33.00|30.84",
            "3|1|7.69|36.00|33.64",
        ]
    );
}

#[tokio::test]
async fn a_basket_is_what_a_customer_buys_on_one_day() {
    let question = include_str!("../../../sql/analytics/basket_size.sql");
    assert_eq!(
        ask(&shop().await, question).await,
        [
            "lines|baskets|baskets_percent|average_units|average_value",
            "1|16|94.12|1.38|5.69",
            "3|1|5.88|3.00|16.00",
        ]
    );
}

#[tokio::test]
async fn the_mix_counts_the_category_at_the_moment_of_sale() {
    let question = include_str!("../../../sql/analytics/category_mix.sql");
    assert_eq!(
        ask(&shop().await, question).await,
        [
            "category|transactions|units|revenue|share_percent|recent_share_percent|change_points",
            "books|14|18|57.00|53.27|28.57|-24.70",
            "toys|2|3|50.00|46.73|71.43|24.70",
            "unknown|3|4|0.00|0.00|0.00|0.00",
        ]
    );
}

#[tokio::test]
async fn cohorts_list_months_in_which_nobody_bought() {
    let question = include_str!("../../../sql/analytics/cohort_retention.sql");
    assert_eq!(
        ask(&shop().await, question).await,
        [
            "cohort|month|customers|active|retention_percent|revenue",
            "2026-01|0|12|12|100.0|65.00",
            "2026-01|1|12|1|8.3|12.00",
            "2026-01|2|12|0|0.0|0.00",
            "2026-01|3|12|1|8.3|0.00",
            "2026-04|0|1|1|100.0|30.00",
        ]
    );
}

#[tokio::test]
async fn a_visit_that_paid_has_passed_the_steps_before() {
    let question = include_str!("../../../sql/analytics/conversion_funnel.sql");
    assert_eq!(
        ask(&shop().await, question).await,
        [
            "step_number|step|sessions|of_all_percent|of_step_percent",
            "1|visit|4|100.00|-",
            "2|product view|3|75.00|75.00",
            "3|add to cart|2|50.00|66.67",
            "4|checkout|2|50.00|100.00",
            "5|purchase|1|25.00|50.00",
        ]
    );
}

#[tokio::test]
async fn incomplete_weeks_are_not_compared() {
    let question = include_str!("../../../sql/analytics/weekly_growth.sql");
    assert_eq!(
        ask(&shop().await, question).await,
        [
            "week|days|revenue|transactions|growth_percent|four_week_average",
            "2026-01-05|7|100.00|3|-|-",
            "2026-01-12|7|150.00|2|50.00|-",
            "2026-01-19|7|0.00|0|-100.00|-",
            "2026-01-26|3|30.00|1|-|-",
        ]
    );
}

#[tokio::test]
async fn nothing_grows_from_revenue_that_is_zero_or_less() {
    let client = warehouse().await;
    client.batch_execute(GIVEN_BACK).await.unwrap();
    let cells_of = |lines: Vec<String>, places: [usize; 2]| -> Vec<String> {
        let rows = lines.iter().skip(1).map(|line| line.split('|').collect::<Vec<_>>());
        rows.map(|row| places.map(|place| row[place]).join("|")).collect()
    };
    assert_eq!(
        cells_of(ask(&client, MONTHLY_TREND).await, [1, 3]),
        ["-50.00|-", "-25.00|-", "10.00|-", "0.00|-100.00", "30.00|-"]
    );
    let weekly = include_str!("../../../sql/analytics/weekly_growth.sql");
    assert_eq!(
        cells_of(ask(&client, weekly).await, [2, 4]),
        ["-20.00|-", "-10.00|-", "40.00|-", "20.00|-50.00"]
    );
    let suppliers = include_str!("../../../sql/analytics/supplier_performance.sql");
    assert_eq!(
        cells_of(ask(&client, suppliers).await, [1, 7]),
        ["Grows|50.00", "Nothing before|-", "Recovers|-"]
    );
}

#[tokio::test]
async fn shares_of_revenue_that_is_zero_or_less_are_absent() {
    let client = warehouse().await;
    client
        .batch_execute(
            "INSERT INTO warehouse.category_sales VALUES
                 ('2026-01-01', 'books', 1, 1, 10.00), ('2026-01-01', 'toys', 1, -1, -30.00);
             INSERT INTO warehouse.supplier_sales VALUES
                 ('2026-01-01', 'Acme', 1, 1, 10.00), ('2026-01-01', 'Bolt', 1, -1, -30.00)",
        )
        .await
        .unwrap();
    let mix = include_str!("../../../sql/analytics/category_mix.sql");
    assert_eq!(ask(&client, mix).await[1..], ["books|1|1|10.00|-|-|-", "toys|1|-1|-30.00|-|-|-"]);
    let suppliers = include_str!("../../../sql/analytics/supplier_performance.sql");
    assert_eq!(
        ask(&client, suppliers).await[1..],
        ["1|Acme|1|1|10.00|-|-|-", "2|Bolt|1|-1|-30.00|-|-|-"]
    );
}

#[tokio::test]
async fn who_bought_nothing_is_no_customer_who_came_back_or_did_not() {
    let client = warehouse().await;
    client
        .batch_execute(
            "INSERT INTO warehouse.purchase_frequency VALUES
                 (0, 7, -12.50), (1, 3, 30.00), (2, 1, 20.00)",
        )
        .await
        .unwrap();
    let question = include_str!("../../../sql/analytics/repeat_purchase_rate.sql");
    assert_eq!(
        ask(&client, question).await[1..],
        ["1|3|75.00|30.00|60.00", "2|1|25.00|20.00|40.00"]
    );
    let figures = ask(&client, shopflow::report::figures::FIGURES).await;
    let place = figures[0].split('|').position(|column| column == "customers").unwrap();
    assert_eq!(figures[1].split('|').nth(place), Some("4"));
}

#[tokio::test]
async fn an_empty_warehouse_has_empty_answers() {
    let client = warehouse().await;
    for question in [
        TOP_CUSTOMERS,
        BEST_SELLING,
        MONTHLY_TREND,
        ORDER_VALUE,
        money::PAYMENT_MIX,
        money::MARGINS,
    ] {
        assert_eq!(ask(&client, question).await.len(), 1, "only the header");
    }
}
