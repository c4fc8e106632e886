-- product_activity: what visitors did with each product, by minute, with the time the minute was closed.
-- Late events close a minute again, and it then counts as known from that moment. Minutes are kept for
-- nine days (streams/product_activity.yaml), so no window over them may be longer than seven. Products
-- beyond the most frequent ones of a minute share a row that is nobody's.
SELECT
    (key ->> 'product_id')::bigint AS product_id,
    window_start AS event_timestamp,
    closed_at AS known_from,
    NULL::timestamptz AS known_to,
    key ->> 'event_type' AS event_type,
    (figures ->> 'events')::bigint AS events
FROM stream.windows
WHERE definition = 'product_activity' AND window_name = '1m' AND key ? 'product_id'
