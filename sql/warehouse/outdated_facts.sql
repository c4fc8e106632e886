-- The facts that a changed history gives another version, price or cost, and no others: those of a
-- version that goes, those of one that ends earlier from its new end on, and those of a product version
-- with another price or cost; those of guests have no customer, and some lines no product. The facts of
-- dirty dates are compared with their sales anyway. Runs before the dimensions change.
CREATE TEMP TABLE outdated_customers ON COMMIT DROP AS
SELECT customer_key, CASE WHEN is_wanted THEN valid_to ELSE '-infinity' END AS since
FROM customer_changes
WHERE customer_key IS NOT NULL AND (NOT is_wanted OR valid_to < previous_valid_to);

CREATE TEMP TABLE outdated_products ON COMMIT DROP AS
SELECT product_key,
       CASE WHEN is_wanted AND (price, cost) IS NOT DISTINCT FROM (previous_price, previous_cost)
            THEN valid_to ELSE '-infinity' END AS since
FROM product_changes
WHERE product_key IS NOT NULL
  AND (NOT is_wanted OR (price, cost) IS DISTINCT FROM (previous_price, previous_cost)
       OR valid_to < previous_valid_to);

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
LEFT JOIN warehouse.dim_customer AS c USING (customer_key)
LEFT JOIN warehouse.dim_product AS p USING (product_key)
JOIN warehouse.dim_date AS d USING (date_key)
WHERE NOT EXISTS (SELECT FROM pending_dates AS dirty WHERE dirty.event_date = d.date AND dirty.rebuild);

ANALYZE outdated_facts;

-- Their dates are marked in ops as well: once the dimensions are committed, nothing else would
-- tell. Where a load has marked one of them since this snapshot, Postgres ends the transaction
-- (40001), and the call is made again with the load's rows.
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

-- Few of many sessions: without this, the planner takes them for many and reads all.
ANALYZE ops.dirty_sessions;
