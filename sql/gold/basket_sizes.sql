-- basket_sizes: How much do customers buy at a time?
-- Grain: one row per number of sales in a basket. A basket is what one customer bought on one
-- business day; each sale to a guest is one of its own. What came back is in none. Revenue counts the
-- priced sales.
-- Reads gold_fact_sales.
WITH customer_days AS (
    SELECT
        coalesce(customer_id, -transaction_id) AS buyer,
        business_date,
        count(*) AS lines,
        sum(quantity) AS units,
        coalesce(sum(amount), 0) AS revenue
    FROM gold_fact_sales
    WHERE quantity > 0
    GROUP BY 1, 2
)
SELECT
    lines,
    count(*) AS baskets,
    sum(units) AS units,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue
FROM customer_days
GROUP BY lines
ORDER BY lines
