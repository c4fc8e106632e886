-- customer_lifetime_value: What has each customer been worth, and what may the next year bring?
-- Grain: one row per customer who ever bought, inferred members included; guests are nobody.
-- Transactions are sales and returns, and revenue is what they brought together. Purchases are the
-- sales; a customer who only brought something back has the days of that. An order is what has one
-- order number, or a single sale where there is none, unless it was cancelled. average_order_value is
-- revenue per order. projected_annual_value is that x orders per year since the first purchase, which
-- is revenue x 365 / days. Days run to the latest purchase of any customer, not to today, so the same
-- sales always give the same value; less than 30 days count as 30, so that one recent purchase does
-- not promise a fortune.
-- Reads gold_fact_sales.
WITH purchases AS (
    SELECT
        customer_id,
        coalesce(min(CASE WHEN quantity > 0 THEN business_date END), min(business_date))
            AS first_purchase,
        coalesce(max(CASE WHEN quantity > 0 THEN business_date END), max(business_date))
            AS last_purchase,
        count(*) AS transactions,
        count(CASE
            WHEN quantity > 0 AND coalesce(status, '') <> 'cancelled' AND order_id IS NULL THEN 1
        END) AS single_sales,
        CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS revenue
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
), numbered AS (
    SELECT customer_id, count(DISTINCT order_id) AS orders
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
        AND order_id IS NOT NULL
        AND quantity > 0
        AND coalesce(status, '') <> 'cancelled'
    GROUP BY customer_id
), tenures AS (
    SELECT
        p.customer_id,
        p.first_purchase,
        p.last_purchase,
        p.transactions,
        p.revenue,
        p.single_sales + coalesce(n.orders, 0) AS orders,
        1 + CAST(to_unixtime(CAST(max(last_purchase) OVER () AS timestamp)) AS bigint) / 86400
          - CAST(to_unixtime(CAST(first_purchase AS timestamp)) AS bigint) / 86400 AS days
    FROM purchases AS p
    LEFT JOIN numbered AS n ON n.customer_id = p.customer_id
)
SELECT
    customer_id,
    first_purchase,
    last_purchase,
    transactions,
    revenue,
    CAST(revenue / greatest(orders, 1) AS decimal(18, 2)) AS average_order_value,
    CAST(revenue * 365 / greatest(days, 30) AS decimal(18, 2)) AS projected_annual_value,
    orders
FROM tenures
ORDER BY customer_id
