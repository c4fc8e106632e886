-- What is to be done to dim_customer: the versions that each dirty customer should have, beside
-- those it has, as far as they differ. A row without a key is a new version, one without wanted
-- values (is_wanted) a version that goes, and the others get other values.
--
-- There is one version per change of a tracked attribute (type 2). Name and mailbox are personal
-- and not tracked; of the address only the domain is kept. The registration date is type 1: every
-- version has the latest known one. The first version begins at -infinity, the last ends at
-- infinity. A customer without history is an inferred member: one version, nothing known.
--
-- Before the moment since which its history changed, the versions of a customer are as they should
-- be. The last one that began before (kept) says what was true then; of the history only the rows
-- from that moment on are read, of the dimension only the later versions. Where that version is
-- not there, the customer is compared from the start, and so are those marked without a moment:
-- many after a first load or for a full rebuild, so they are joined and not looked up one by one.
SET LOCAL work_mem = '64MB';
-- To compile these statements takes longer than to run them.
SET LOCAL jit = off;

-- OFFSET 0 keeps a subquery apart from the query: a look into an index per customer, which costs
-- little when few rows are wanted of many, where the planner would rather read the whole table.
CREATE TEMP TABLE customer_changes ON COMMIT DROP AS
WITH dirty AS MATERIALIZED (
    SELECT p.id AS customer_id,
           CASE WHEN kept.customer_key IS NULL THEN '-infinity' ELSE p.since END AS since,
           kept.customer_key AS kept_key, kept.valid_from AS kept_from, kept.valid_to AS kept_to,
           kept.email_domain AS kept_domain, kept.country AS kept_country,
           kept.registration_date AS kept_registration
    FROM pending_entities AS p
    LEFT JOIN LATERAL (
        SELECT * FROM warehouse.dim_customer AS d
        WHERE d.customer_id = p.id AND d.valid_from < p.since
        ORDER BY d.valid_from DESC LIMIT 1
    ) AS kept
      ON NOT kept.is_inferred
    WHERE p.dataset = 'customers' AND p.since > '-infinity'
), accepted AS (
    SELECT dirty.*, h.effective_at, h.email, h.country, h.registration_date
    FROM dirty
    LEFT JOIN LATERAL (
        SELECT * FROM core.customer_history AS h
        WHERE h.id = dirty.customer_id AND h.effective_at >= dirty.since OFFSET 0
    ) AS h ON true
    UNION ALL
    SELECT p.id, p.since, NULL, NULL, NULL, NULL, NULL, NULL,
           h.effective_at, h.email, h.country, h.registration_date
    FROM pending_entities AS p
    LEFT JOIN core.customer_history AS h USING (id)
    WHERE p.dataset = 'customers' AND p.since = '-infinity'
), known AS (
    -- Without a row from the moment on, what is kept stays true.
    SELECT customer_id, effective_at, kept_key, kept_from, kept_to, kept_domain, kept_country,
           kept_registration, coalesce(country, kept_country) AS country,
           coalesce(lower(split_part(email, '@', -1)), kept_domain) AS email_domain,
           coalesce(registration_date, kept_registration) AS registration_date
    FROM accepted
), compared AS (
    SELECT *, row_number() OVER history = 1 AS is_first,
           (email_domain, country)
               IS DISTINCT FROM (lag(email_domain, 1, kept_domain) OVER history,
                                 lag(country, 1, kept_country) OVER history) AS is_different,
           last_value(registration_date) OVER history AS latest_registration
    FROM known
    WINDOW history AS (PARTITION BY customer_id ORDER BY effective_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), begun AS (
    SELECT *, is_different OR kept_key IS NULL AS is_wanted,
           lead(effective_at, 1, 'infinity') OVER (PARTITION BY customer_id ORDER BY effective_at)
               AS valid_to
    FROM compared
    WHERE is_different OR is_first
), wanted AS (
    SELECT customer_id, email_domain, latest_registration AS registration_date, country,
           effective_at IS NULL AS is_inferred,
           CASE WHEN is_first AND kept_key IS NULL THEN '-infinity' ELSE effective_at END AS valid_from,
           valid_to
    FROM begun
    WHERE is_wanted
), kept AS (
    SELECT *, CASE WHEN is_wanted THEN effective_at ELSE valid_to END AS kept_until,
           latest_registration IS DISTINCT FROM kept_registration AS is_corrected
    FROM begun
    WHERE is_first AND kept_key IS NOT NULL
), present AS (
    SELECT d.*
    FROM dirty
    CROSS JOIN LATERAL (
        SELECT * FROM warehouse.dim_customer AS d
        WHERE d.customer_id = dirty.customer_id AND d.valid_from >= dirty.since OFFSET 0
    ) AS d
    WHERE dirty.kept_to IS DISTINCT FROM 'infinity'
    UNION ALL
    SELECT d.*
    FROM pending_entities AS p
    JOIN warehouse.dim_customer AS d ON d.customer_id = p.id
    WHERE p.dataset = 'customers' AND p.since = '-infinity'
)
SELECT customer_id, valid_from, d.customer_key, w.is_inferred IS NOT NULL AS is_wanted,
       w.email_domain, w.registration_date, w.country, w.is_inferred, w.valid_to,
       d.valid_to AS previous_valid_to, false AS is_corrected
FROM wanted AS w
FULL JOIN present AS d USING (customer_id, valid_from)
WHERE (w.valid_to, w.is_inferred, w.email_domain, w.country, w.registration_date)
      IS DISTINCT FROM (d.valid_to, d.is_inferred, d.email_domain, d.country, d.registration_date)
UNION ALL
SELECT customer_id, kept_from, kept_key, true, kept_domain, latest_registration, kept_country,
       false, kept_until, kept_to, is_corrected
FROM kept
WHERE kept_until <> kept_to OR is_corrected;

-- The type 1 attribute of a kept version is that of the versions before it as well.
INSERT INTO customer_changes
SELECT d.customer_id, d.valid_from, d.customer_key, true, d.email_domain, c.registration_date,
       d.country, d.is_inferred, d.valid_to, d.valid_to, false
FROM customer_changes AS c
CROSS JOIN LATERAL (
    SELECT * FROM warehouse.dim_customer AS d
    WHERE d.customer_id = c.customer_id AND d.valid_from < c.valid_from OFFSET 0
) AS d
WHERE c.is_corrected;
