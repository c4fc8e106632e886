-- The dimensions are filled before, in the same transaction.
SELECT warehouse.create_month_partitions('fact_sales', ARRAY(
    SELECT DISTINCT ("timestamp" AT TIME ZONE 'UTC')::date FROM sample_transactions));
SELECT warehouse.create_month_partitions('fact_sessions', ARRAY(
    SELECT DISTINCT (event ->> 'timestamp')::timestamptz::date FROM sample_clickstream));

INSERT INTO warehouse.fact_sales (transaction_id, date_key, customer_key, product_key,
                                  payment_method_key, sold_at, quantity, unit_price, amount)
SELECT t.id, d.date_key, c.customer_key, p.product_key, m.payment_method_key, t."timestamp",
       t.quantity, p.price, t.quantity * p.price
FROM sample_transactions AS t
JOIN warehouse.dim_date AS d ON d.date = (t."timestamp" AT TIME ZONE 'UTC')::date
JOIN warehouse.dim_customer AS c USING (customer_id)
JOIN warehouse.dim_product AS p USING (product_id)
JOIN warehouse.dim_payment_method AS m USING (payment_method)
ORDER BY t.id;

WITH events AS (
    SELECT
        event ->> 'session_id' AS session_id,
        (event ->> 'timestamp')::timestamptz AS at,
        (event ->> 'customer_id')::bigint AS customer_id,
        event ->> 'device' AS device,
        event ->> 'country' AS country,
        event ->> 'event_type' AS event_type
    FROM sample_clickstream
), sessions AS (
    SELECT
        session_id,
        min(at) AS started_at,
        max(at) AS ended_at,
        max(customer_id) AS customer_id,
        min(device) AS device,
        min(country) AS country,
        count(*) AS events,
        count(*) FILTER (WHERE event_type = 'page_view') AS page_views,
        count(*) FILTER (WHERE event_type = 'product_view') AS product_views,
        count(*) FILTER (WHERE event_type = 'search') AS searches,
        count(*) FILTER (WHERE event_type = 'add_to_cart') AS cart_adds,
        count(*) FILTER (WHERE event_type = 'checkout') AS checkouts,
        count(*) FILTER (WHERE event_type = 'purchase') AS purchases
    FROM events
    GROUP BY session_id
)
INSERT INTO warehouse.fact_sessions (session_id, date_key, end_date_key, started_at, ended_at,
    duration_seconds, customer_id, customer_key, device, country, events, page_views, product_views,
    searches, cart_adds, checkouts, purchases, is_purchase)
SELECT s.session_id, b.date_key, e.date_key, s.started_at, s.ended_at,
       extract(epoch FROM s.ended_at - s.started_at)::bigint, s.customer_id, c.customer_key,
       s.device, s.country, s.events, s.page_views, s.product_views, s.searches, s.cart_adds,
       s.checkouts, s.purchases, s.purchases > 0
FROM sessions AS s
JOIN warehouse.dim_date AS b ON b.date = s.started_at::date
JOIN warehouse.dim_date AS e ON e.date = s.ended_at::date
LEFT JOIN warehouse.dim_customer AS c ON c.customer_id = s.customer_id
ORDER BY s.started_at, s.session_id;

CREATE TEMPORARY VIEW sample_sales AS
SELECT d.date, c.customer_id, p.product_id, f.quantity, f.amount
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_date AS d USING (date_key)
JOIN warehouse.dim_customer AS c USING (customer_key)
JOIN warehouse.dim_product AS p USING (product_key);

INSERT INTO warehouse.daily_sales (event_date, transactions, customers, units, revenue,
    unpriced_transactions, orders, gross)
SELECT date, count(*), count(DISTINCT customer_id), sum(quantity), sum(amount), 0, count(*),
       sum(amount)
FROM sample_sales GROUP BY 1;
INSERT INTO warehouse.weekly_sales (week_start, transactions, customers, units, revenue,
    unpriced_transactions, orders, gross)
SELECT date_trunc('week', date::timestamp)::date, count(*), count(DISTINCT customer_id),
       sum(quantity), sum(amount), 0, count(*), sum(amount)
FROM sample_sales GROUP BY 1;
INSERT INTO warehouse.monthly_sales (month_start, transactions, customers, units, revenue,
    unpriced_transactions, orders, gross)
SELECT date_trunc('month', date::timestamp)::date, count(*), count(DISTINCT customer_id),
       sum(quantity), sum(amount), 0, count(*), sum(amount)
FROM sample_sales GROUP BY 1;
INSERT INTO warehouse.product_sales
SELECT product_id, count(*), sum(quantity), sum(amount) FROM sample_sales GROUP BY 1;
INSERT INTO warehouse.customer_lifetime_value (customer_id, first_purchase, last_purchase,
    transactions, revenue, average_order_value, projected_annual_value, orders)
SELECT customer_id, min(date), max(date), count(*), sum(amount), sum(amount) / count(*), sum(amount),
       count(*)
FROM sample_sales GROUP BY 1;
