-- What is to be done to dim_customer: the versions that each dirty customer should have, beside
-- those it has, as far as they differ. A row without a key is a new version, one without wanted
-- values (is_wanted) a version that goes, and the others get other values.
--
-- There is one version per change of a tracked attribute (type 2). Name and mailbox are personal
-- and not tracked; of the address only the domain is kept. The registration date is type 1: every
-- version has the latest known one. The first version begins at -infinity, the last ends at
-- infinity. A customer without history is an inferred member: one version, nothing known.
SET LOCAL work_mem = '64MB';

CREATE TEMP TABLE customer_changes ON COMMIT DROP AS
WITH compared AS (
    SELECT p.id, h.id IS NULL AS is_inferred, h.effective_at, h.country, lower(split_part(h.email, '@', -1)) AS email_domain,
           row_number() OVER history AS number,
           lag(lower(split_part(h.email, '@', -1))) OVER history AS previous_domain,
           lag(h.country) OVER history AS previous_country,
           last_value(h.registration_date) OVER history AS latest_registration
    FROM pending_entities AS p
    LEFT JOIN core.customer_history AS h ON h.id = p.id
    WHERE p.dataset = 'customers'
    WINDOW history AS (PARTITION BY p.id ORDER BY h.effective_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), begun AS (
    SELECT id AS customer_id, email_domain, latest_registration AS registration_date, country,
           is_inferred,
           CASE WHEN number = 1 THEN '-infinity' ELSE effective_at END AS valid_from
    FROM compared
    WHERE number = 1 OR email_domain IS DISTINCT FROM previous_domain
       OR country IS DISTINCT FROM previous_country
), wanted AS (
    SELECT *, lead(valid_from, 1, 'infinity')
                  OVER (PARTITION BY customer_id ORDER BY valid_from) AS valid_to
    FROM begun
), present AS (
    SELECT d.*
    FROM warehouse.dim_customer AS d
    JOIN pending_entities AS p ON p.dataset = 'customers' AND p.id = d.customer_id
)
SELECT customer_id, valid_from, d.customer_key, w.is_inferred IS NOT NULL AS is_wanted,
       w.email_domain, w.registration_date, w.country, w.is_inferred, w.valid_to,
       d.valid_to AS previous_valid_to
FROM wanted AS w
FULL JOIN present AS d USING (customer_id, valid_from)
WHERE (w.valid_to, w.is_inferred, w.email_domain, w.country, w.registration_date)
      IS DISTINCT FROM (d.valid_to, d.is_inferred, d.email_domain, d.country, d.registration_date);

ANALYZE customer_changes;
