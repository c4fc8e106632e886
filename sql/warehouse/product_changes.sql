-- What is to be done to dim_product, as customer_changes.sql says and does it for customers.
-- Category, supplier and price are tracked (type 2); the name is type 1: every version has the
-- latest known.
CREATE TEMP TABLE product_changes ON COMMIT DROP AS
WITH dirty AS MATERIALIZED (
    SELECT p.id AS product_id,
           CASE WHEN kept.product_key IS NULL THEN '-infinity' ELSE p.since END AS since,
           kept.product_key AS kept_key, kept.valid_from AS kept_from, kept.valid_to AS kept_to,
           kept.name AS kept_name, kept.category AS kept_category, kept.supplier AS kept_supplier,
           kept.price AS kept_price
    FROM pending_entities AS p
    LEFT JOIN LATERAL (
        SELECT * FROM warehouse.dim_product AS d
        WHERE d.product_id = p.id AND d.valid_from < p.since
        ORDER BY d.valid_from DESC LIMIT 1
    ) AS kept
      ON NOT kept.is_inferred
    WHERE p.dataset = 'products' AND p.since > '-infinity'
), accepted AS (
    SELECT dirty.*, h.effective_at, h.name, h.category, h.supplier, h.price
    FROM dirty
    LEFT JOIN LATERAL (
        SELECT * FROM core.product_history AS h
        WHERE h.id = dirty.product_id AND h.effective_at >= dirty.since OFFSET 0
    ) AS h ON true
    UNION ALL
    SELECT p.id, p.since, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           h.effective_at, h.name, h.category, h.supplier, h.price
    FROM pending_entities AS p
    LEFT JOIN core.product_history AS h USING (id)
    WHERE p.dataset = 'products' AND p.since = '-infinity'
), known AS (
    SELECT product_id, effective_at, kept_key, kept_from, kept_to, kept_name, kept_category,
           kept_supplier, kept_price, coalesce(name, kept_name) AS name,
           coalesce(category, kept_category) AS category,
           coalesce(supplier, kept_supplier) AS supplier, coalesce(price, kept_price) AS price
    FROM accepted
), compared AS (
    SELECT *, row_number() OVER history = 1 AS is_first,
           (category, supplier, price)
               IS DISTINCT FROM (lag(category, 1, kept_category) OVER history,
                                 lag(supplier, 1, kept_supplier) OVER history,
                                 lag(price, 1, kept_price) OVER history) AS is_different,
           last_value(name) OVER history AS latest_name
    FROM known
    WINDOW history AS (PARTITION BY product_id ORDER BY effective_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), begun AS (
    SELECT *, is_different OR kept_key IS NULL AS is_wanted,
           lead(effective_at, 1, 'infinity') OVER (PARTITION BY product_id ORDER BY effective_at)
               AS valid_to
    FROM compared
    WHERE is_different OR is_first
), wanted AS (
    SELECT product_id, latest_name AS name, category, supplier, price,
           effective_at IS NULL AS is_inferred,
           CASE WHEN is_first AND kept_key IS NULL THEN '-infinity' ELSE effective_at END AS valid_from,
           valid_to
    FROM begun
    WHERE is_wanted
), kept AS (
    SELECT *, CASE WHEN is_wanted THEN effective_at ELSE valid_to END AS kept_until,
           latest_name IS DISTINCT FROM kept_name AS is_corrected
    FROM begun
    WHERE is_first AND kept_key IS NOT NULL
), present AS (
    SELECT d.*
    FROM dirty
    CROSS JOIN LATERAL (
        SELECT * FROM warehouse.dim_product AS d
        WHERE d.product_id = dirty.product_id AND d.valid_from >= dirty.since OFFSET 0
    ) AS d
    WHERE dirty.kept_to IS DISTINCT FROM 'infinity'
    UNION ALL
    SELECT d.*
    FROM pending_entities AS p
    JOIN warehouse.dim_product AS d ON d.product_id = p.id
    WHERE p.dataset = 'products' AND p.since = '-infinity'
)
SELECT product_id, valid_from, d.product_key, w.is_inferred IS NOT NULL AS is_wanted,
       w.name, w.category, w.supplier, w.price, w.is_inferred, w.valid_to,
       d.valid_to AS previous_valid_to, d.price AS previous_price, false AS is_corrected
FROM wanted AS w
FULL JOIN present AS d USING (product_id, valid_from)
WHERE (w.valid_to, w.is_inferred, w.name, w.category, w.supplier, w.price)
      IS DISTINCT FROM (d.valid_to, d.is_inferred, d.name, d.category, d.supplier, d.price)
UNION ALL
SELECT product_id, kept_from, kept_key, true, latest_name, kept_category, kept_supplier, kept_price,
       false, kept_until, kept_to, kept_price, is_corrected
FROM kept
WHERE kept_until <> kept_to OR is_corrected;

INSERT INTO product_changes
SELECT d.product_id, d.valid_from, d.product_key, true, c.name, d.category, d.supplier, d.price,
       d.is_inferred, d.valid_to, d.valid_to, d.price, false
FROM product_changes AS c
CROSS JOIN LATERAL (
    SELECT * FROM warehouse.dim_product AS d
    WHERE d.product_id = c.product_id AND d.valid_from < c.valid_from OFFSET 0
) AS d
WHERE c.is_corrected;
