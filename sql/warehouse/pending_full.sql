-- A full rebuild: every entity and every event date counts as dirty.
INSERT INTO pending_entities (dataset, id)
SELECT 'customers', id FROM core.customers
UNION ALL
SELECT 'products', id FROM core.products
ON CONFLICT DO NOTHING;

INSERT INTO pending_dates (event_date, rebuild)
SELECT event_date, true
FROM (SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS event_date FROM core.transactions
      UNION
      SELECT (sold_at AT TIME ZONE 'UTC')::date FROM warehouse.fact_sales) AS days
ON CONFLICT DO NOTHING;

ANALYZE pending_entities;
ANALYZE pending_dates;
