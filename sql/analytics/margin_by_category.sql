-- What is left of each category's revenue after what its products cost?
-- Theme:     Products
-- Grain:     one row per category with a line whose cost is known.
-- Reads:     warehouse.dim_product, warehouse.fact_sales
-- Chart:     bars margin by category
-- Columns:   category        category of the product at the moment of the sale; 'unknown' while the
--                            product is an inferred member
--            costed_revenue  what was charged, less what came back, of the lines whose cost is known
--            margin          costed revenue less what its units cost the shop
--            margin_percent  margin as a share of costed revenue; absent where that is not above zero
--            costed_percent  share of the category's revenue whose cost is known; absent where the
--                            revenue is not above zero
-- Notes:     Empty while no product has a cost. Lines that are no product have none.
WITH of_products AS (
    SELECT
        product_key,
        count(cost) AS costed_lines,
        sum(amount) AS revenue,
        sum(amount) FILTER (WHERE cost IS NOT NULL) AS costed_revenue,
        sum(amount - cost) AS margin
    FROM warehouse.fact_sales
    WHERE EXISTS (SELECT FROM warehouse.dim_product WHERE cost IS NOT NULL)
    GROUP BY product_key
), categories AS (
    SELECT
        coalesce(p.category, 'unknown') AS category,
        coalesce(sum(f.revenue), 0.00) AS revenue,
        coalesce(sum(f.costed_revenue), 0.00) AS costed_revenue,
        coalesce(sum(f.margin), 0.00) AS margin
    FROM of_products AS f
    JOIN warehouse.dim_product AS p USING (product_key)
    GROUP BY 1
    HAVING sum(f.costed_lines) > 0
)
SELECT
    category,
    costed_revenue,
    margin,
    round(100 * margin / nullif(greatest(costed_revenue, 0), 0), 2) AS margin_percent,
    round(100 * costed_revenue / nullif(greatest(revenue, 0), 0), 2) AS costed_percent
FROM categories
ORDER BY margin DESC, category;
