-- purchase_frequency: How many customers come back, and how often?
-- Grain: one row per number of baskets that a customer has bought. A basket is what one customer
-- bought on one business day, or of it what has one order number; guests are nobody. Lines that
-- bring something back, and cancelled sales, make no basket, so who has no others has bought none: the
-- row of 0. Revenue
-- counts the priced lines, less what came back.
-- Reads gold_fact_sales.
WITH bought AS (
    SELECT
        customer_id,
        business_date,
        order_id,
        count(CASE WHEN quantity > 0 AND (status IS NULL OR status <> 'cancelled') THEN 1 END)
            AS purchases,
        coalesce(sum(amount), 0) AS revenue
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, business_date, order_id
), customers AS (
    SELECT customer_id, count(CASE WHEN purchases > 0 THEN 1 END) AS baskets, sum(revenue) AS revenue
    FROM bought
    GROUP BY customer_id
)
SELECT
    baskets,
    count(*) AS customers,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue
FROM customers
GROUP BY baskets
ORDER BY baskets
