-- Event dates of facts that a changed history gives another version or another price. They are
-- marked in ops as well: once the dimensions are committed, nothing else would tell.
CREATE TEMP TABLE changed_products ON COMMIT DROP AS
SELECT product_id, min(valid_from) AS since
FROM (
    (SELECT product_id, valid_from, price FROM product_versions
     EXCEPT
     SELECT product_id, valid_from, price FROM warehouse.dim_product)
    UNION ALL
    (SELECT d.product_id, d.valid_from, d.price
     FROM warehouse.dim_product AS d
     JOIN pending_entities AS p ON p.dataset = 'products' AND p.id = d.product_id
     EXCEPT
     SELECT product_id, valid_from, price FROM product_versions)
) AS differences
GROUP BY product_id;

CREATE TEMP TABLE changed_customers ON COMMIT DROP AS
SELECT customer_id, min(valid_from) AS since
FROM (
    (SELECT customer_id, valid_from FROM customer_versions
     EXCEPT
     SELECT customer_id, valid_from FROM warehouse.dim_customer)
    UNION ALL
    (SELECT d.customer_id, d.valid_from
     FROM warehouse.dim_customer AS d
     JOIN pending_entities AS p ON p.dataset = 'customers' AND p.id = d.customer_id
     EXCEPT
     SELECT customer_id, valid_from FROM customer_versions)
) AS differences
GROUP BY customer_id;

ANALYZE changed_products;
ANALYZE changed_customers;

INSERT INTO pending_dates (event_date)
SELECT DISTINCT (f.sold_at AT TIME ZONE 'UTC')::date
FROM changed_products AS c
JOIN warehouse.dim_product AS was ON was.product_id = c.product_id
JOIN warehouse.fact_sales AS f ON f.product_key = was.product_key AND f.sold_at >= c.since
JOIN product_versions AS is_now
  ON is_now.product_id = c.product_id
 AND f.sold_at >= is_now.valid_from AND f.sold_at < is_now.valid_to
WHERE is_now.valid_from <> was.valid_from OR is_now.price IS DISTINCT FROM was.price
ON CONFLICT DO NOTHING;

INSERT INTO pending_dates (event_date)
SELECT DISTINCT (f.sold_at AT TIME ZONE 'UTC')::date
FROM changed_customers AS c
JOIN warehouse.dim_customer AS was ON was.customer_id = c.customer_id
JOIN warehouse.fact_sales AS f ON f.customer_key = was.customer_key AND f.sold_at >= c.since
JOIN customer_versions AS is_now
  ON is_now.customer_id = c.customer_id
 AND f.sold_at >= is_now.valid_from AND f.sold_at < is_now.valid_to
WHERE is_now.valid_from <> was.valid_from
ON CONFLICT DO NOTHING;

-- A mark that a load set meanwhile stays its own: its rows are not in this snapshot.
WITH marked AS (
    INSERT INTO ops.dirty_dates (event_date)
    SELECT event_date FROM pending_dates WHERE marked_at IS NULL ORDER BY event_date
    ON CONFLICT DO NOTHING
    RETURNING event_date, marked_at
)
UPDATE pending_dates AS p SET marked_at = m.marked_at
FROM marked AS m WHERE m.event_date = p.event_date;

ANALYZE pending_dates;
