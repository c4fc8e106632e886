-- customer_lifetime_value: What has each customer been worth, and what may the next year bring?
-- Grain: one row per customer with a line, inferred members included; guests are nobody.
-- Transactions are all lines, and revenue is what they brought together. A purchase is a line that was
-- sold and not cancelled; a customer without one has the days of their lines, and no order. An order
-- is what has one order number, or a single purchase where there is none. average_order_value is
-- revenue per order. projected_annual_value is that x orders per year since the first purchase, which
-- is revenue x 365 / days. Days run to the last purchase of any customer, not to today, so the same
-- sales always give the same value; less than 30 days count as 30, so that one recent purchase does
-- not promise a fortune.
-- Reads gold_fact_sales.
WITH lines AS (
    SELECT
        customer_id,
        business_date,
        order_id,
        amount,
        CASE WHEN quantity > 0 AND (status IS NULL OR status <> 'cancelled') THEN 1 ELSE 0 END
            AS sold
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
), customers AS (
    SELECT
        customer_id,
        min(CASE WHEN sold = 1 THEN business_date END) AS first_purchase,
        max(CASE WHEN sold = 1 THEN business_date END) AS last_purchase,
        min(business_date) AS first_line,
        max(business_date) AS last_line,
        count(*) AS transactions,
        count(CASE WHEN sold = 1 AND order_id IS NULL THEN 1 END) AS single_sales,
        CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS revenue
    FROM lines
    GROUP BY customer_id
), numbered AS (
    SELECT customer_id, count(DISTINCT order_id) AS orders
    FROM lines
    WHERE sold = 1 AND order_id IS NOT NULL
    GROUP BY customer_id
), tenures AS (
    SELECT
        c.customer_id,
        coalesce(c.first_purchase, c.first_line) AS first_purchase,
        coalesce(c.last_purchase, c.last_line) AS last_purchase,
        c.transactions,
        c.revenue,
        c.single_sales + coalesce(n.orders, 0) AS orders,
        coalesce(
            1 + CAST(to_unixtime(CAST(max(c.last_purchase) OVER () AS timestamp)) AS bigint) / 86400
              - CAST(to_unixtime(CAST(c.first_purchase AS timestamp)) AS bigint) / 86400,
            0) AS days
    FROM customers AS c
    LEFT JOIN numbered AS n ON n.customer_id = c.customer_id
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
