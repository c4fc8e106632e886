-- purchase_frequency: How many customers come back, and how often?
-- Grain: one row per number of baskets that a customer has bought. A basket is what one customer
-- bought on one business day, or of it what has one order number; guests are nobody. Who only brought
-- something back has bought none. Revenue counts the priced sales, less what came back.
-- Reads gold_fact_sales.
WITH bought AS (
    SELECT
        customer_id,
        business_date,
        order_id,
        count(CASE WHEN quantity > 0 THEN 1 END) AS sales,
        coalesce(sum(amount), 0) AS revenue
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, business_date, order_id
), purchases AS (
    SELECT customer_id, count(CASE WHEN sales > 0 THEN 1 END) AS baskets, sum(revenue) AS revenue
    FROM bought
    GROUP BY customer_id
)
SELECT
    baskets,
    count(*) AS customers,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue
FROM purchases
GROUP BY baskets
ORDER BY baskets
