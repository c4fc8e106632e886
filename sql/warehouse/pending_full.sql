-- A full rebuild: every entity and every event date counts as dirty.
INSERT INTO pending_entities (dataset, id)
SELECT 'customers', id FROM core.customers
UNION ALL
SELECT 'products', id FROM core.products
ON CONFLICT DO NOTHING;

INSERT INTO pending_dates (event_date)
SELECT DISTINCT ("timestamp" AT TIME ZONE 'UTC')::date FROM core.transactions
UNION
SELECT DISTINCT (sold_at AT TIME ZONE 'UTC')::date FROM warehouse.fact_sales
ON CONFLICT DO NOTHING;

ANALYZE pending_entities;
ANALYZE pending_dates;
