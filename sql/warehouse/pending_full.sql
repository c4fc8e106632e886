-- A full rebuild: every entity, from its beginning, and every event date counts as dirty.
INSERT INTO pending_entities (dataset, id, since)
SELECT 'customers', id, '-infinity'::timestamptz FROM core.customers
UNION ALL
SELECT 'products', id, '-infinity' FROM core.products
ON CONFLICT (dataset, id) DO UPDATE SET since = excluded.since;

INSERT INTO pending_dates (event_date, rebuild)
SELECT event_date, true
FROM (SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS event_date FROM core.transactions
      UNION
      SELECT (sold_at AT TIME ZONE 'UTC')::date FROM warehouse.fact_sales) AS days
ON CONFLICT DO NOTHING;

ANALYZE pending_entities;
ANALYZE pending_dates;
