-- What is to be done to dim_product, as customer_changes.sql says it for customers. Category,
-- supplier and price are tracked (type 2); the name is type 1: every version has the latest known.
CREATE TEMP TABLE product_changes ON COMMIT DROP AS
WITH compared AS (
    SELECT p.id, h.id IS NULL AS is_inferred, h.effective_at, h.category, h.supplier, h.price,
           row_number() OVER history AS number,
           lag(h.category) OVER history AS previous_category,
           lag(h.supplier) OVER history AS previous_supplier,
           lag(h.price) OVER history AS previous_price,
           last_value(h.name) OVER history AS latest_name
    FROM pending_entities AS p
    LEFT JOIN core.product_history AS h ON h.id = p.id
    WHERE p.dataset = 'products'
    WINDOW history AS (PARTITION BY p.id ORDER BY h.effective_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), begun AS (
    SELECT id AS product_id, latest_name AS name, category, supplier, price, is_inferred,
           CASE WHEN number = 1 THEN '-infinity' ELSE effective_at END AS valid_from
    FROM compared
    WHERE number = 1 OR category IS DISTINCT FROM previous_category
       OR supplier IS DISTINCT FROM previous_supplier OR price IS DISTINCT FROM previous_price
), wanted AS (
    SELECT *, lead(valid_from, 1, 'infinity')
                  OVER (PARTITION BY product_id ORDER BY valid_from) AS valid_to
    FROM begun
), present AS (
    SELECT d.*
    FROM warehouse.dim_product AS d
    JOIN pending_entities AS p ON p.dataset = 'products' AND p.id = d.product_id
)
SELECT product_id, valid_from, d.product_key, w.is_inferred IS NOT NULL AS is_wanted,
       w.name, w.category, w.supplier, w.price, w.is_inferred, w.valid_to,
       d.valid_to AS previous_valid_to, d.price AS previous_price
FROM wanted AS w
FULL JOIN present AS d USING (product_id, valid_from)
WHERE (w.valid_to, w.is_inferred, w.name, w.category, w.supplier, w.price)
      IS DISTINCT FROM (d.valid_to, d.is_inferred, d.name, d.category, d.supplier, d.price);

ANALYZE product_changes;
