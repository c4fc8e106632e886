-- supplier_sales: How much do the products of each supplier sell?
-- Grain: one row per month with a sale in business time and supplier of the product at the moment
-- of the sale. The supplier is 'unknown' for lines that are no product, and where nobody knows it.
-- Units and revenue are less what came back; a cancelled sale has none. Revenue counts the priced sales.
-- Reads gold_fact_sales, gold_dim_product.
SELECT
    CAST(date_trunc('month', f.business_date) AS date) AS month_start,
    coalesce(p.supplier, 'unknown') AS supplier,
    count(*) AS transactions,
    sum(CASE
        WHEN f.status IS NOT NULL AND f.quantity > 0 AND f.status IN ('cancelled', 'returned')
            THEN 0
        ELSE f.quantity
    END) AS units,
    CAST(coalesce(sum(f.amount), 0) AS decimal(18, 2)) AS revenue
FROM gold_fact_sales AS f
LEFT JOIN gold_dim_product AS p ON p.product_key = f.product_key
GROUP BY 1, 2
ORDER BY 1, 2
