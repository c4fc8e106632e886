-- Sessions of a customer whose versions changed; gold computes the same and replaces them.
UPDATE warehouse.fact_sessions AS s
SET customer_key = c.customer_key
FROM ops.dirty_sessions AS o, warehouse.dim_customer AS c
WHERE s.session_id = o.session_id AND c.customer_id = s.customer_id
  AND s.started_at >= c.valid_from AND s.started_at < c.valid_to;
