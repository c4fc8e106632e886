-- product_sales: Which products sell best?
-- Grain: one row per product that was ever sold, over the whole history; lines that are no product,
-- such as postage, are in none. Units and revenue are less what came back; a cancelled sale has none.
-- Reads gold_fact_sales.
SELECT
    product_id,
    count(*) AS transactions,
    sum(CASE
        WHEN status IS NOT NULL AND quantity > 0 AND status IN ('cancelled', 'returned') THEN 0
        ELSE quantity
    END) AS units,
    CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS revenue
FROM gold_fact_sales
WHERE product_id IS NOT NULL
GROUP BY product_id
ORDER BY product_id
