-- A full rebuild: every event date counts as dirty; the entities are marked before.
INSERT INTO pending_dates (event_date, rebuild)
SELECT event_date, true
FROM (SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS event_date FROM core.transactions
      UNION
      SELECT (sold_at AT TIME ZONE 'UTC')::date FROM warehouse.fact_sales) AS days
ON CONFLICT DO NOTHING;

ANALYZE pending_entities;
ANALYZE pending_dates;
