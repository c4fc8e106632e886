-- visits: the sessions of the clickstream, with the time they were known.
-- Nothing says when a session was computed first, so this is derived from its day: a visit is known from
-- when clicks of the day it ended were first taken into the warehouse after that day. Clicks that came
-- later still count as known with the others: the session has them, and not when it got them.
-- The first run with clicks brings years at once; for the visits of its days it is assumed that the shop
-- knew each one day after it ended. The same is assumed where no file is known.
WITH files AS (
    SELECT
        coalesce(attempted_at, transformed_at) AS taken_at,
        run_id = (
            SELECT run_id FROM ops.lake_queue
            WHERE dataset = 'clickstream'
            ORDER BY queued_at
            LIMIT 1) AS is_first,
        ((entry #>> '{time_range,from}')::timestamptz AT TIME ZONE 'UTC')::date AS first_day,
        ((entry #>> '{time_range,to}')::timestamptz AT TIME ZONE 'UTC')::date AS last_day
    FROM ops.lake_queue
    WHERE dataset = 'clickstream'
), days AS MATERIALIZED (
    SELECT
        to_char(day, 'YYYYMMDD')::integer AS date_key,
        bool_or(is_first) AS is_first,
        min(greatest(taken_at, (day + interval '1 day') AT TIME ZONE 'UTC')) AS known_from
    FROM files
    CROSS JOIN LATERAL generate_series(first_day, last_day, interval '1 day') AS day
    WHERE taken_at IS NOT NULL
    GROUP BY 1
)
SELECT
    s.customer_id,
    s.ended_at AS event_timestamp,
    CASE
        WHEN d.is_first IS NOT FALSE THEN least(d.known_from, s.ended_at + interval '1 day')
        ELSE d.known_from
    END AS known_from,
    NULL::timestamptz AS known_to,
    s.duration_seconds,
    s.events,
    s.product_views,
    s.searches,
    s.cart_adds,
    s.is_purchase,
    s.cart_adds > 0 AND NOT s.is_purchase AS is_abandoned,
    s.device
FROM warehouse.fact_sessions AS s
LEFT JOIN days AS d ON d.date_key = s.end_date_key
