-- category_sales: How much does each category sell?
-- Grain: one row per month with a sale in business time and category of the product at the moment
-- of the sale. The category is 'unknown' for lines that are no product, and while the product is an
-- inferred member. Units and revenue are less what came back; a cancelled sale has none. Revenue counts
-- the priced sales. The margin is that of costed_revenue, the revenue of the lines whose cost is known.
-- Reads gold_fact_sales, gold_dim_product.
SELECT
    CAST(date_trunc('month', f.business_date) AS date) AS month_start,
    coalesce(p.category, 'unknown') AS category,
    count(*) AS transactions,
    sum(CASE
        WHEN f.status IS NOT NULL AND f.quantity > 0 AND f.status IN ('cancelled', 'returned')
            THEN 0
        ELSE f.quantity
    END) AS units,
    CAST(coalesce(sum(f.amount), 0) AS decimal(18, 2)) AS revenue,
    count(f.cost) AS costed_transactions,
    CAST(coalesce(sum(CASE WHEN f.cost IS NOT NULL THEN f.amount END), 0) AS decimal(18, 2))
        AS costed_revenue,
    CAST(coalesce(sum(f.amount - f.cost), 0) AS decimal(18, 2)) AS margin
FROM gold_fact_sales AS f
LEFT JOIN gold_dim_product AS p ON p.product_key = f.product_key
GROUP BY 1, 2
ORDER BY 1, 2
