-- carts: visits of the stream in which somebody put something into the cart, with the time they were
-- closed. A later event of the visit closes it again, and it then counts as known from that moment.
-- Visits of bots are left out. Visits are kept for nine days (streams/sessions.yaml), so no window over
-- them may be longer than seven: what is gone by then is in no window any more.
SELECT
    customer_id,
    ended_at AS event_timestamp,
    closed_at AS known_from,
    NULL::timestamptz AS known_to,
    purchases = 0 AS is_abandoned,
    carts::bigint AS products
FROM stream.sessions
WHERE carts > 0 AND NOT is_bot
