-- session_funnel: Where do visitors leave on the way to a purchase?
-- Grain: one row per month in which a session began in business time, and device. A session
-- reaches a step when it has the step's event or one of a later step, so that an event that was
-- lost on the way does not break the order. The business time zone takes the place of UTC here.
-- Reads gold_fact_sessions.
SELECT
    CAST(date_trunc('month', CAST(started_at AT TIME ZONE 'UTC' AS date)) AS date) AS month_start,
    device,
    count(*) AS sessions,
    count(*) FILTER (WHERE product_views + cart_adds + checkouts + purchases > 0) AS viewed,
    count(*) FILTER (WHERE cart_adds + checkouts + purchases > 0) AS carted,
    count(*) FILTER (WHERE checkouts + purchases > 0) AS checked_out,
    count(*) FILTER (WHERE purchases > 0) AS purchased
FROM gold_fact_sessions
GROUP BY 1, 2
ORDER BY 1, 2
