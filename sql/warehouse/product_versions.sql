-- The versions that each dirty product should have: one per change of name, category, price or
-- supplier. See customer_versions.sql for the first, the last and the inferred version.
CREATE TEMP TABLE product_versions ON COMMIT DROP AS
WITH hashed AS (
    SELECT h.id, h.effective_at, h.name, h.category, h.supplier, h.price,
           sha256(convert_to(
               jsonb_build_array(h.name, h.category, h.supplier, h.price)::text, 'UTF8')) AS row_hash
    FROM core.product_history AS h
    JOIN pending_entities AS p ON p.dataset = 'products' AND p.id = h.id
), compared AS (
    SELECT *, lag(row_hash) OVER (PARTITION BY id ORDER BY effective_at) AS previous_hash
    FROM hashed
), versions AS (
    SELECT id AS product_id, name, category, supplier, price, false AS is_inferred,
           CASE WHEN previous_hash IS NULL THEN '-infinity' ELSE effective_at END AS valid_from,
           row_hash
    FROM compared
    WHERE previous_hash IS DISTINCT FROM row_hash
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
