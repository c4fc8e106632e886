-- The published sessions that may come out differently: those that overlap a touched day ($2, as
-- yyyymmdd), those with events there now ($1), and those whose customer got another version.
SELECT session_id, date_key, end_date_key FROM warehouse.fact_sessions
WHERE date_key = ANY ($2::integer[])
UNION
SELECT s.session_id, s.date_key, s.end_date_key
FROM unnest($2::integer[]) AS day
JOIN warehouse.fact_sessions AS s
  ON s.end_date_key <> s.date_key AND s.date_key < day AND s.end_date_key >= day
UNION
SELECT s.session_id, s.date_key, s.end_date_key
FROM unnest($1::text[]) AS touched (session_id) JOIN warehouse.fact_sessions AS s USING (session_id)
UNION
SELECT s.session_id, s.date_key, s.end_date_key
FROM ops.dirty_sessions JOIN warehouse.fact_sessions AS s USING (session_id)
