-- basket_sizes: How much do customers buy at a time?
-- Grain: one row per number of sales in a basket. A basket is what one customer bought on one
-- business day: the source has no order number. Revenue counts the priced sales.
-- Reads gold_fact_sales.
WITH customer_days AS (
    SELECT
        customer_id,
        business_date,
        count(*) AS lines,
        sum(quantity) AS units,
        coalesce(sum(amount), 0) AS revenue
    FROM gold_fact_sales
    GROUP BY customer_id, business_date
)
SELECT
    lines,
    count(*) AS baskets,
    sum(units) AS units,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue
FROM customer_days
GROUP BY lines
ORDER BY lines
