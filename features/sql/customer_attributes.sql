-- customer_attributes: what the shop knows of its customers, one row for each version, without names and
-- addresses. A row is about the moment from which the version is true, and was known when its file was
-- loaded. The first version also holds for the time before it, since the customer registered; since 1970
-- where the day is not known. It is assumed that the shop knew what the first load of customers brought
-- one day after the moment it is about.
WITH first_load AS MATERIALIZED (
    SELECT coalesce(max(loaded_at), '-infinity') AS ended_at
    FROM core.sources
    WHERE dataset = 'customers'
      AND run_id = (
          SELECT run_id FROM core.sources WHERE dataset = 'customers' ORDER BY source_id LIMIT 1)
)
SELECT
    h.id AS customer_id,
    v.event_timestamp,
    CASE
        WHEN f.loaded_at <= (SELECT ended_at FROM first_load)
        THEN least(f.loaded_at, v.event_timestamp + interval '1 day')
        ELSE f.loaded_at
    END AS created_timestamp,
    h.country::text AS country,
    lower(split_part(h.email, '@', -1)) AS email_domain,
    h.registration_date::timestamp AT TIME ZONE 'UTC' AS registered_on
FROM core.customer_history AS h
CROSS JOIN LATERAL (
    -- The first time, where the same file was loaded again.
    SELECT coalesce(min(s.loaded_at), h.source_modified_at) AS loaded_at
    FROM core.sources AS s
    WHERE s.dataset = 'customers'
      AND s.effective_at = h.effective_at
      AND s.modified_at = h.source_modified_at
      AND s.version_id = h.source_version_id
) AS f
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN EXISTS (
            SELECT FROM core.customer_history AS earlier
            WHERE earlier.id = h.id AND earlier.effective_at < h.effective_at)
        THEN h.effective_at
        ELSE least(
            h.effective_at,
            coalesce(h.registration_date, date '1970-01-01')::timestamp AT TIME ZONE 'UTC')
    END AS event_timestamp
) AS v
