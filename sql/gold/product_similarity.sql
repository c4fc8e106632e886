-- product_similarity: What else would somebody who looks at this product like?
-- Grain: one row per product, source and rank: the ten products most similar by cosine, from
-- baskets (one customer's purchases of a business day, or a guest's of one order number) and from
-- sessions (the products of one visit) of the ninety days up to the last click. Lines that bring
-- something back, and cancelled sales, are no purchases; each line of a guest without an order number
-- is a basket of its own. Equal scores are ordered by product id. Two products must share at least two
-- baskets or sessions; those of more than a thousand products make no pairs. A session that rests for a
-- whole UTC date counts as two.
-- transform counts without this query, several times faster and in bounded memory; the query says
-- the same for other engines (as long as no session rests), and a test holds the two together.
-- Reads gold_fact_sales, silver_clickstream.
WITH last_click AS (
    SELECT max(CAST("timestamp" AS date)) AS clicked_on FROM silver_clickstream
), items AS (
    SELECT DISTINCT
        'basket' AS source,
        CASE
            WHEN customer_id IS NULL AND order_id IS NOT NULL THEN 'order ' || order_id
            ELSE CAST(coalesce(customer_id, -transaction_id) AS varchar)
        END || ' ' || CAST(business_date AS varchar) AS basket,
        product_id
    FROM gold_fact_sales
    WHERE quantity > 0 AND (status IS NULL OR status <> 'cancelled') AND product_id IS NOT NULL
    UNION ALL
    SELECT DISTINCT 'session' AS source, c.session_id AS basket, c.product_id
    FROM silver_clickstream AS c
    CROSS JOIN last_click AS l
    WHERE c.product_id IS NOT NULL
        AND c.session_id IS NOT NULL
        AND CAST(c."timestamp" AS date) > l.clicked_on - INTERVAL '90' DAY
), sizes AS (
    SELECT source, basket, count(*) AS products FROM items GROUP BY source, basket
), products AS (
    SELECT source, product_id, count(*) AS baskets FROM items GROUP BY source, product_id
), counted AS (
    SELECT i.source, i.basket, i.product_id
    FROM items AS i
    JOIN sizes AS s ON s.source = i.source AND s.basket = i.basket
    WHERE s.products <= 1000
), pairs AS (
    SELECT a.source, a.product_id, b.product_id AS similar_product_id, count(*) AS together
    FROM counted AS a
    JOIN counted AS b
        ON b.source = a.source AND b.basket = a.basket AND b.product_id <> a.product_id
    GROUP BY a.source, a.product_id, b.product_id
    HAVING count(*) >= 2
), scored AS (
    SELECT
        p.source,
        p.product_id,
        p.similar_product_id,
        p.together,
        p.together / sqrt(CAST(a.baskets AS double precision) * b.baskets) AS cosine,
        CAST(p.together AS double precision) / (a.baskets + b.baskets - p.together) AS jaccard
    FROM pairs AS p
    JOIN products AS a ON a.source = p.source AND a.product_id = p.product_id
    JOIN products AS b ON b.source = p.source AND b.product_id = p.similar_product_id
), ranked AS (
    SELECT
        source,
        product_id,
        similar_product_id,
        together,
        cosine,
        jaccard,
        row_number() OVER (
            PARTITION BY source, product_id ORDER BY cosine DESC, similar_product_id
        ) AS place
    FROM scored
)
SELECT
    product_id,
    source,
    CAST(place AS integer) AS rank,
    similar_product_id,
    together,
    CAST(cosine AS decimal(10, 9)) AS cosine,
    CAST(jaccard AS decimal(10, 9)) AS jaccard
FROM ranked
WHERE place <= 10
ORDER BY product_id, source, rank
