-- fact_sessions: what did a visitor do from the first to the last event of a session?
-- Grain: one row per session of the clickstream, whole even over midnight.
-- Device and country are those of the first event; the customer is who signed in (the lowest
-- number if several did), as of the start, with a key only if the shop knows the customer.
-- transaction_id is the transaction of the purchase page (/orders/<number>, the lowest if there are
-- several): the link to the revenue of the session in fact_sales.
-- Reads silver_clickstream, gold_dim_customer.
WITH ordered AS (
    SELECT
        e.*,
        row_number() OVER (PARTITION BY session_id ORDER BY "timestamp", event_id) AS number
    FROM silver_clickstream AS e
), sessions AS (
    SELECT
        session_id,
        min("timestamp") AS started_at,
        max("timestamp") AS ended_at,
        min(customer_id) AS customer_id,
        max(CASE WHEN number = 1 THEN device END) AS device,
        max(CASE WHEN number = 1 THEN country END) AS country,
        count(*) AS events,
        sum(CASE WHEN event_type = 'page_view' THEN 1 ELSE 0 END) AS page_views,
        sum(CASE WHEN event_type = 'product_view' THEN 1 ELSE 0 END) AS product_views,
        sum(CASE WHEN event_type = 'search' THEN 1 ELSE 0 END) AS searches,
        sum(CASE WHEN event_type = 'add_to_cart' THEN 1 ELSE 0 END) AS cart_adds,
        sum(CASE WHEN event_type = 'checkout' THEN 1 ELSE 0 END) AS checkouts,
        sum(CASE WHEN event_type = 'purchase' THEN 1 ELSE 0 END) AS purchases,
        min(CASE WHEN event_type = 'purchase'
                 THEN TRY_CAST(split_part(url, '/orders/', 2) AS bigint) END) AS transaction_id
    FROM ordered
    GROUP BY session_id
), dated AS (
    SELECT s.*, CAST(started_at AS date) AS start_date, CAST(ended_at AS date) AS end_date
    FROM sessions AS s
)
SELECT
    s.session_id,
    CAST(extract(year FROM s.start_date) * 10000 + extract(month FROM s.start_date) * 100
         + extract(day FROM s.start_date) AS integer) AS date_key,
    CAST(extract(year FROM s.end_date) * 10000 + extract(month FROM s.end_date) * 100
         + extract(day FROM s.end_date) AS integer) AS end_date_key,
    s.started_at,
    s.ended_at,
    CAST(to_unixtime(s.ended_at) AS bigint) - CAST(to_unixtime(s.started_at) AS bigint)
        AS duration_seconds,
    s.customer_id,
    c.customer_key,
    s.device,
    s.country,
    s.events,
    s.page_views,
    s.product_views,
    s.searches,
    s.cart_adds,
    s.checkouts,
    s.purchases,
    s.purchases > 0 AS is_purchase,
    s.transaction_id
FROM dated AS s
LEFT JOIN gold_dim_customer AS c
    ON c.customer_id = s.customer_id
    AND s.started_at >= c.valid_from
    AND s.started_at < c.valid_to
ORDER BY s.started_at, s.session_id
