-- product_attributes: what the shop knows of its products, one row for each version. A row is about the
-- moment from which the version is true, and was known when its file was loaded. The first version also
-- holds for the time before it, as sales are priced; it is written as 1970. It is assumed that the shop
-- knew what the first load of products brought one day after the moment it is about.
WITH first_load AS MATERIALIZED (
    SELECT coalesce(max(loaded_at), '-infinity') AS ended_at
    FROM core.sources
    WHERE dataset = 'products'
      AND run_id = (
          SELECT run_id FROM core.sources WHERE dataset = 'products' ORDER BY source_id LIMIT 1)
)
SELECT
    h.id AS product_id,
    v.event_timestamp,
    CASE
        WHEN f.loaded_at <= (SELECT ended_at FROM first_load)
        THEN least(f.loaded_at, v.event_timestamp + interval '1 day')
        ELSE f.loaded_at
    END AS created_timestamp,
    h.category,
    h.supplier,
    h.price::double precision AS price,
    h.cost::double precision AS cost
FROM core.product_history AS h
CROSS JOIN LATERAL (
    -- The first time, where the same file was loaded again.
    SELECT coalesce(min(s.loaded_at), h.source_modified_at) AS loaded_at
    FROM core.sources AS s
    WHERE s.dataset = 'products'
      AND s.effective_at = h.effective_at
      AND s.modified_at = h.source_modified_at
      AND s.version_id = h.source_version_id
) AS f
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN EXISTS (
            SELECT FROM core.product_history AS earlier
            WHERE earlier.id = h.id AND earlier.effective_at < h.effective_at)
        THEN h.effective_at
        ELSE least(h.effective_at, timestamptz '1970-01-01 00:00:00+00')
    END AS event_timestamp
) AS v
