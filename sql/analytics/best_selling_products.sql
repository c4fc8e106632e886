-- Which products sell best in each category?
-- Theme:     Products
-- Grain:     one row per product, at most five per category.
-- Reads:     warehouse.product_sales, warehouse.dim_product
-- Chart:     bars units by product in category
-- Columns:   category         category of the product today; 'unknown' for inferred members
--            rank             1 is the product with most units sold in its category
--            product_id       number of the product
--            product          name today; absent for inferred members
--            units            units sold, less what came back: the measure of the ranking
--            revenue          what was charged, less what came back
--            rank_by_revenue  place in the category by revenue, among all its products
-- Notes:     Every line of a product counts for the category the product is in today, so a product
--            that moved is ranked once, with its whole history.
--            Equal units: more revenue first, then the lower number. Equal revenue: more units
--            first, then the lower number.
WITH ranked AS (
    SELECT
        coalesce(p.category, 'unknown') AS category,
        s.product_id,
        p.name AS product,
        s.units,
        s.revenue,
        row_number() OVER (PARTITION BY p.category
                           ORDER BY s.units DESC, s.revenue DESC, s.product_id) AS rank,
        row_number() OVER (PARTITION BY p.category
                           ORDER BY s.revenue DESC, s.units DESC, s.product_id) AS rank_by_revenue
    FROM warehouse.product_sales AS s
    JOIN warehouse.dim_product AS p ON p.product_id = s.product_id AND p.is_current
)
SELECT category, rank, product_id, product, units, revenue, rank_by_revenue
FROM ranked
WHERE rank <= 5
ORDER BY category, rank;
