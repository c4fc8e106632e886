-- The versions that each dirty customer should have: one per change of a tracked attribute
-- (type 2). Name and mailbox are personal and not tracked; of the address only the domain is kept.
-- The registration date is type 1: every version has the latest known one.
-- The first version begins at -infinity, the last ends at infinity. A customer without history is
-- an inferred member: one version, nothing known.
CREATE TEMP TABLE customer_versions ON COMMIT DROP AS
WITH attributes AS (
    SELECT h.id, h.effective_at, h.country,
           lower(substring(h.email FROM '[^@]*$')) AS email_domain, h.registration_date
    FROM core.customer_history AS h
    JOIN pending_entities AS p ON p.dataset = 'customers' AND p.id = h.id
), compared AS (
    SELECT *, row_number() OVER history AS number,
           lag(email_domain) OVER history AS previous_domain,
           lag(country) OVER history AS previous_country,
           last_value(registration_date) OVER history AS latest_registration
    FROM attributes
    WINDOW history AS (PARTITION BY id ORDER BY effective_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), versions AS (
    SELECT id AS customer_id, email_domain, latest_registration AS registration_date, country,
           false AS is_inferred,
           CASE WHEN number = 1 THEN '-infinity' ELSE effective_at END AS valid_from,
           sha256(convert_to(jsonb_build_array(email_domain, country)::text, 'UTF8')) AS row_hash
    FROM compared
    WHERE number = 1 OR email_domain IS DISTINCT FROM previous_domain
       OR country IS DISTINCT FROM previous_country
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
