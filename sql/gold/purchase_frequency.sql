-- purchase_frequency: How many customers come back, and how often?
-- Grain: one row per number of baskets that a customer has bought. A basket is what one customer
-- bought on one business day: the source has no order number. Revenue counts the priced sales.
-- Reads gold_fact_sales.
WITH customer_days AS (
    SELECT customer_id, business_date, coalesce(sum(amount), 0) AS revenue
    FROM gold_fact_sales
    GROUP BY customer_id, business_date
), purchases AS (
    SELECT customer_id, count(*) AS baskets, sum(revenue) AS revenue
    FROM customer_days
    GROUP BY customer_id
)
SELECT
    baskets,
    count(*) AS customers,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue
FROM purchases
GROUP BY baskets
ORDER BY baskets
