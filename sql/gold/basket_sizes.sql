-- basket_sizes: How much do customers buy at a time?
-- Grain: one row per number of lines in a basket. A basket is what one customer bought on one
-- business day, or of it what has one order number; each line to a guest without one is one of its
-- own. Lines that bring something back, and cancelled sales, are in none; units that were returned
-- later do not count.
-- Revenue counts the priced lines.
-- Reads gold_fact_sales.
WITH bought AS (
    SELECT
        coalesce(customer_id, CASE WHEN order_id IS NULL THEN -transaction_id END) AS buyer,
        business_date,
        order_id,
        count(*) AS lines,
        sum(CASE WHEN status IS NOT NULL AND status = 'returned' THEN 0 ELSE quantity END) AS units,
        coalesce(sum(amount), 0) AS revenue
    FROM gold_fact_sales
    WHERE quantity > 0 AND (status IS NULL OR status <> 'cancelled')
    GROUP BY 1, 2, 3
)
SELECT
    lines,
    count(*) AS baskets,
    sum(units) AS units,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue
FROM bought
GROUP BY lines
ORDER BY lines
