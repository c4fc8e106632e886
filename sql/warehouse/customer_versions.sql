-- The versions that each dirty customer should have: one per change of a tracked attribute.
-- Name and mailbox are personal and not tracked; of the address only the domain is kept.
-- The first version begins at -infinity, the last ends at infinity. A customer without history is
-- an inferred member: one version, nothing known.
CREATE TEMP TABLE customer_versions ON COMMIT DROP AS
WITH attributes AS (
    SELECT h.id, h.effective_at, h.registration_date, h.country,
           lower(substring(h.email FROM '[^@]*$')) AS email_domain
    FROM core.customer_history AS h
    JOIN pending_entities AS p ON p.dataset = 'customers' AND p.id = h.id
), hashed AS (
    SELECT *, sha256(convert_to(
        jsonb_build_array(email_domain, registration_date, country)::text, 'UTF8')) AS row_hash
    FROM attributes
), compared AS (
    SELECT *, lag(row_hash) OVER (PARTITION BY id ORDER BY effective_at) AS previous_hash
    FROM hashed
), versions AS (
    SELECT id AS customer_id, email_domain, registration_date, country, false AS is_inferred,
           CASE WHEN previous_hash IS NULL THEN '-infinity' ELSE effective_at END AS valid_from,
           row_hash
    FROM compared
    WHERE previous_hash IS DISTINCT FROM row_hash
    UNION ALL
    SELECT c.id, NULL, NULL, NULL, true, '-infinity', sha256('inferred')
    FROM core.customers AS c
    JOIN pending_entities AS p ON p.dataset = 'customers' AND p.id = c.id
    WHERE NOT EXISTS (SELECT FROM core.customer_history AS h WHERE h.id = c.id)
)
SELECT *, lead(valid_from, 1, 'infinity') OVER (PARTITION BY customer_id ORDER BY valid_from) AS valid_to
FROM versions;

CREATE UNIQUE INDEX ON customer_versions (customer_id, valid_from);
ANALYZE customer_versions;
