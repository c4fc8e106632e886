-- The facts that a changed history gives another version or another price, and no others: those of
-- a version that goes, those of one that ends earlier from its new end on, and those of a product
-- version with another price. Runs before the dimensions change, and after the facts of dirty dates
-- are gone, which get their versions anyway.
CREATE TEMP TABLE outdated_customers ON COMMIT DROP AS
SELECT d.customer_key, d.customer_id,
       CASE WHEN v.customer_id IS NULL THEN '-infinity' ELSE v.valid_to END AS since
FROM pending_entities AS p
JOIN warehouse.dim_customer AS d ON d.customer_id = p.id
LEFT JOIN customer_versions AS v ON v.customer_id = d.customer_id AND v.valid_from = d.valid_from
WHERE p.dataset = 'customers' AND (v.customer_id IS NULL OR v.valid_to < d.valid_to);

CREATE TEMP TABLE outdated_products ON COMMIT DROP AS
SELECT d.product_key, d.product_id,
       CASE WHEN v.product_id IS NULL OR v.price IS DISTINCT FROM d.price THEN '-infinity'
            ELSE v.valid_to END AS since
FROM pending_entities AS p
JOIN warehouse.dim_product AS d ON d.product_id = p.id
LEFT JOIN product_versions AS v ON v.product_id = d.product_id AND v.valid_from = d.valid_from
WHERE p.dataset = 'products'
  AND (v.product_id IS NULL OR v.price IS DISTINCT FROM d.price OR v.valid_to < d.valid_to);

ANALYZE outdated_customers;
ANALYZE outdated_products;

CREATE TEMP TABLE outdated_facts ON COMMIT DROP AS
SELECT f.date_key, f.transaction_id, c.customer_id, p.product_id
FROM (
    SELECT f.date_key, f.transaction_id, f.customer_key, f.product_key
    FROM outdated_customers AS o
    JOIN warehouse.fact_sales AS f ON f.customer_key = o.customer_key AND f.sold_at >= o.since
    UNION
    SELECT f.date_key, f.transaction_id, f.customer_key, f.product_key
    FROM outdated_products AS o
    JOIN warehouse.fact_sales AS f ON f.product_key = o.product_key AND f.sold_at >= o.since
) AS f
JOIN warehouse.dim_customer AS c USING (customer_key)
JOIN warehouse.dim_product AS p USING (product_key);

ANALYZE outdated_facts;

-- Their dates are marked in ops as well: once the dimensions are committed, nothing else would
-- tell. A mark that a load set meanwhile stays its own: its rows are not in this snapshot.
INSERT INTO pending_dates (event_date, rebuild)
SELECT DISTINCT d.date, false
FROM outdated_facts AS f JOIN warehouse.dim_date AS d USING (date_key)
ON CONFLICT DO NOTHING;

WITH marked AS (
    INSERT INTO ops.dirty_dates (event_date)
    SELECT event_date FROM pending_dates WHERE marked_at IS NULL ORDER BY event_date
    ON CONFLICT DO NOTHING
    RETURNING event_date, marked_at
)
UPDATE pending_dates AS p SET marked_at = m.marked_at
FROM marked AS m WHERE m.event_date = p.event_date;

-- Sessions whose customer gets another version, or is known at last.
INSERT INTO ops.dirty_sessions (session_id)
SELECT s.session_id
FROM outdated_customers AS o
JOIN warehouse.fact_sessions AS s ON s.customer_key = o.customer_key AND s.started_at >= o.since
UNION
SELECT s.session_id
FROM pending_entities AS p
JOIN warehouse.fact_sessions AS s ON s.customer_id = p.id AND s.customer_key IS NULL
WHERE p.dataset = 'customers' AND s.customer_id IS NOT NULL
ON CONFLICT DO NOTHING;
