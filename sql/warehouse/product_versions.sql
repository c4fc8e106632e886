-- The versions that each dirty product should have: one per change of category, supplier or price
-- (type 2). The name is type 1: every version has the latest known one. See customer_versions.sql
-- for the first, the last and the inferred version.
CREATE TEMP TABLE product_versions ON COMMIT DROP AS
WITH compared AS (
    SELECT h.id, h.effective_at, h.category, h.supplier, h.price,
           row_number() OVER history AS number,
           lag(h.category) OVER history AS previous_category,
           lag(h.supplier) OVER history AS previous_supplier,
           lag(h.price) OVER history AS previous_price,
           last_value(h.name) OVER history AS latest_name
    FROM core.product_history AS h
    JOIN pending_entities AS p ON p.dataset = 'products' AND p.id = h.id
    WINDOW history AS (PARTITION BY h.id ORDER BY h.effective_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), versions AS (
    SELECT id AS product_id, latest_name AS name, category, supplier, price, false AS is_inferred,
           CASE WHEN number = 1 THEN '-infinity' ELSE effective_at END AS valid_from,
           sha256(convert_to(
               jsonb_build_array(category, supplier, price)::text, 'UTF8')) AS row_hash
    FROM compared
    WHERE number = 1 OR category IS DISTINCT FROM previous_category
       OR supplier IS DISTINCT FROM previous_supplier OR price IS DISTINCT FROM previous_price
    UNION ALL
    SELECT c.id, NULL, NULL, NULL, NULL, true, '-infinity', sha256('inferred')
    FROM core.products AS c
    JOIN pending_entities AS p ON p.dataset = 'products' AND p.id = c.id
    WHERE NOT EXISTS (SELECT FROM core.product_history AS h WHERE h.id = c.id)
)
SELECT *, lead(valid_from, 1, 'infinity') OVER (PARTITION BY product_id ORDER BY valid_from) AS valid_to
FROM versions;

CREATE UNIQUE INDEX ON product_versions (product_id, valid_from);
ANALYZE product_versions;
