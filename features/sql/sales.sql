-- sales: every version of every line of a sale, with the time it was known.
-- A line is known from when it was written until a later file replaced it. What it brought depends on
-- more than itself, so one version of it is several rows where the shop learned the rest later:
-- * Category and list price are those of the version of the product that was valid at the sale, as far as
--   the shop knew it: null while nobody had told it the product, and the old ones until a correction came.
--   A product is known from when its file was loaded.
-- * The amount of a line in another currency is null until the exchange rates of its day were loaded. A
--   rate that is corrected counts from the correction; before it, the amount is null.
-- The first load of a shop brings years at once. Assumed is that the shop knew a sale one day after it,
-- and the products and rates of that load always. The first load of a dataset is all that was written
-- until its first run had loaded the last file; what was corrected within it counts as corrected from the
-- beginning.
WITH first_loads AS MATERIALIZED (
    SELECT
        coalesce(max(s.loaded_at) FILTER (WHERE s.dataset = 'transactions'), '-infinity') AS sales,
        coalesce(max(s.loaded_at) FILTER (WHERE s.dataset = 'products'), '-infinity') AS products,
        coalesce(max(s.loaded_at) FILTER (WHERE s.dataset = 'exchange_rates'), '-infinity') AS rates
    FROM (
        SELECT DISTINCT ON (dataset) dataset, run_id FROM core.sources ORDER BY dataset, source_id
    ) AS first
    JOIN core.sources AS s USING (dataset, run_id)
), versions AS (
    SELECT id, customer_id, product_id, quantity, "timestamp", payment_method_id, order_id, unit_price,
           discount, status, currency, updated_at AS written_at, 'infinity'::timestamptz AS replaced_at
    FROM core.transactions
    UNION ALL
    SELECT id, customer_id, product_id, quantity, "timestamp", payment_method_id, order_id, unit_price,
           discount, status, currency, written_at, replaced_at
    FROM core.transaction_history
    WHERE replaced_at > (SELECT sales FROM first_loads)
), lines AS (
    SELECT
        v.*,
        (v."timestamp" AT TIME ZONE 'UTC')::date AS sold_on,
        CASE
            WHEN v.written_at <= (SELECT sales FROM first_loads)
            THEN least(v.written_at, v."timestamp" + interval '1 day')
            ELSE v.written_at
        END AS known_from
    FROM versions AS v
), products AS NOT MATERIALIZED (
    SELECT
        h.id,
        h.effective_at,
        h.category,
        h.price,
        CASE
            WHEN f.loaded_at <= (SELECT products FROM first_loads) THEN '-infinity'
            ELSE f.loaded_at
        END AS known_from
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
)
SELECT
    l.customer_id,
    l.product_id,
    l."timestamp" AS event_timestamp,
    k.known_from,
    nullif(k.known_to, 'infinity') AS known_to,
    warehouse.line_amount(
        l.quantity,
        warehouse.line_price(l.currency, l.unit_price, p.price, k.exchange_rate),
        l.discount,
        l.status,
        CASE WHEN l.currency IS NULL THEN 1 ELSE k.exchange_rate END)::numeric(18, 2) AS amount,
    warehouse.line_units(l.quantity, l.status)::bigint AS units,
    l.quantity > 0 AND coalesce(l.status, '') <> 'cancelled' AS is_purchase,
    l.quantity < 0 OR coalesce(l.status, '') IN ('refunded', 'returned') AS is_return,
    coalesce(l.order_id, l.sold_on::text) AS order_id,
    p.category,
    m.name AS payment_method
FROM lines AS l
LEFT JOIN core.payment_methods AS m ON m.payment_method_id = l.payment_method_id
-- The version that was valid at the sale, or the first one where there was none yet.
LEFT JOIN LATERAL (
    (SELECT category, price, known_from FROM products
     WHERE id = l.product_id AND effective_at <= l."timestamp"
     ORDER BY effective_at DESC
     LIMIT 1)
    UNION ALL
    (SELECT category, price, known_from FROM products
     WHERE id = l.product_id AND effective_at > l."timestamp"
     ORDER BY effective_at
     LIMIT 1)
    LIMIT 1
) AS best ON true
-- Where it was known with the line, that is all; else what stood for it, one after the other.
CROSS JOIN LATERAL (
    SELECT best.category, best.price, l.known_from, l.replaced_at AS known_to
    WHERE l.product_id IS NULL OR best.known_from <= l.known_from
    UNION ALL
    SELECT
        v.category,
        v.price,
        greatest(v.known_from, l.known_from),
        least(v.better_from, l.replaced_at)
    FROM (
        SELECT
            category,
            price,
            known_from,
            min(known_from) OVER (
                ORDER BY is_unknown, effective_at > l."timestamp",
                    CASE WHEN effective_at <= l."timestamp" THEN l."timestamp" - effective_at
                         ELSE effective_at - l."timestamp" END
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS better_from
        FROM (
            SELECT category, price, known_from, effective_at, false AS is_unknown
            FROM products
            WHERE id = l.product_id
            UNION ALL
            SELECT NULL, NULL, '-infinity', l."timestamp", true
        ) AS all_versions
    ) AS v
    WHERE l.product_id IS NOT NULL AND coalesce(best.known_from, 'infinity') > l.known_from
) AS p
-- A line in another currency has no amount first, and one once its rates are known.
CROSS JOIN LATERAL (
    SELECT p.known_from, p.known_to, NULL::numeric AS exchange_rate
    WHERE l.currency IS NULL
    UNION ALL
    SELECT
        CASE WHEN is_priced THEN greatest(p.known_from, r.known_from) ELSE p.known_from END,
        CASE WHEN is_priced THEN p.known_to ELSE least(p.known_to, r.known_from) END,
        CASE WHEN is_priced THEN warehouse.exchange_rate(l.currency, l.sold_on) END
    FROM (
        SELECT CASE
            WHEN max(e.updated_at) > (SELECT rates FROM first_loads) THEN max(e.updated_at)
            ELSE '-infinity'
        END AS known_from
        FROM ops.shop_currency AS s
        JOIN core.exchange_rates AS e
          ON e.currency IN (l.currency, s.currency)
         AND e.rate_date <= l.sold_on AND e.rate_date >= l.sold_on - s.max_age_days
    ) AS r
    CROSS JOIN (VALUES (false), (true)) AS twice (is_priced)
    WHERE l.currency IS NOT NULL
) AS k
WHERE k.known_from < k.known_to
