-- What is left of each category's revenue after what its products cost?
-- Theme:     Products
-- Grain:     one row per category with a line whose cost is known.
-- Reads:     warehouse.category_sales
-- Chart:     bars margin by category
-- Columns:   category        category of the product at the moment of the sale; 'unknown' while the
--                            product is an inferred member
--            costed_revenue  what was charged, less what came back, of the lines whose cost is known
--            margin          costed revenue less what its units cost the shop
--            margin_percent  margin as a share of costed revenue; absent where that is not above zero
--            costed_percent  share of the category's revenue whose cost is known; absent where the
--                            revenue is not above zero
-- Notes:     Empty while no product has a cost. Lines that are no product have none: like products of
--            which nobody knows the category, they are in the revenue of 'unknown', and in no other.
WITH categories AS (
    SELECT
        category,
        sum(revenue) AS revenue,
        sum(costed_revenue) AS costed_revenue,
        sum(margin) AS margin
    FROM warehouse.category_sales
    GROUP BY category
    HAVING sum(costed_transactions) > 0
)
SELECT
    category,
    costed_revenue,
    margin,
    round(100 * margin / nullif(greatest(costed_revenue, 0), 0), 2) AS margin_percent,
    round(100 * costed_revenue / nullif(greatest(revenue, 0), 0), 2) AS costed_percent
FROM categories
ORDER BY margin DESC, category;
