-- product_pairs: Which products are bought together, and how remarkable is that?
-- Grain: one row per two products that share at least two baskets, the lower id first.
-- A basket is what one customer bought on one business day. What a guest bought on one day under one
-- order number is a basket too, and each line of a guest without a number is one of its own. What came
-- back or was cancelled is in none, nor is a line that is no product. Support is the share of all
-- baskets that have both, confidence the share of the baskets with one product that have the other too,
-- lift how many times more often than if both were independent. Baskets of more than a thousand
-- products are imports, not purchases: they count for their products, but make no pairs.
-- transform counts pairs without this query, several times faster and in bounded memory; the query
-- says the same for other engines, and a test holds the two together.
-- Reads gold_fact_sales.
WITH items AS (
    SELECT DISTINCT
        CASE
            WHEN customer_id IS NULL AND order_id IS NOT NULL THEN 'order ' || order_id
            ELSE CAST(coalesce(customer_id, -transaction_id) AS varchar)
        END AS buyer,
        business_date,
        product_id
    FROM gold_fact_sales
    WHERE quantity > 0 AND (status IS NULL OR status <> 'cancelled') AND product_id IS NOT NULL
), baskets AS (
    SELECT buyer, business_date, count(*) AS products
    FROM items
    GROUP BY buyer, business_date
), total AS (
    SELECT count(*) AS baskets FROM baskets
), products AS (
    SELECT product_id, count(*) AS baskets FROM items GROUP BY product_id
), counted AS (
    SELECT i.buyer, i.business_date, i.product_id
    FROM items AS i
    JOIN baskets AS b ON b.buyer = i.buyer AND b.business_date = i.business_date
    WHERE b.products <= 1000
), pairs AS (
    SELECT a.product_id, b.product_id AS other_product_id, count(*) AS baskets
    FROM counted AS a
    JOIN counted AS b
        ON b.buyer = a.buyer
        AND b.business_date = a.business_date
        AND b.product_id > a.product_id
    GROUP BY a.product_id, b.product_id
    HAVING count(*) >= 2
)
SELECT
    p.product_id,
    p.other_product_id,
    p.baskets,
    a.baskets AS product_baskets,
    b.baskets AS other_baskets,
    CAST(CAST(p.baskets AS double precision) / t.baskets AS decimal(10, 9)) AS support,
    CAST(CAST(p.baskets AS double precision) / a.baskets AS decimal(10, 9)) AS confidence,
    CAST(CAST(p.baskets AS double precision) / b.baskets AS decimal(10, 9)) AS other_confidence,
    CAST(CAST(p.baskets AS double precision) * t.baskets
         / (CAST(a.baskets AS double precision) * b.baskets) AS decimal(24, 9)) AS lift
FROM pairs AS p
JOIN products AS a ON a.product_id = p.product_id
JOIN products AS b ON b.product_id = p.other_product_id
CROSS JOIN total AS t
ORDER BY p.product_id, p.other_product_id
