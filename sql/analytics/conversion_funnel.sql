-- Where do visitors leave on the way to a purchase?
-- Theme:     Visits
-- Grain:     one row per step of the way, in its order.
-- Reads:     warehouse.session_funnel
-- Chart:     bars sessions by step
-- Columns:   step_number      place on the way
--            step             what the visitor did
--            sessions         visits that got so far
--            of_all_percent   share of all visits
--            of_step_percent  share of the visits that reached the step before
-- Notes:     A visit reaches a step when it has the step's event or one of a later step, so that
--            an event that was lost on the way does not break the order.
WITH totals AS (
    SELECT
        coalesce(sum(sessions), 0) AS sessions,
        coalesce(sum(viewed), 0) AS viewed,
        coalesce(sum(carted), 0) AS carted,
        coalesce(sum(checked_out), 0) AS checked_out,
        coalesce(sum(purchased), 0) AS purchased
    FROM warehouse.session_funnel
), steps AS (
    SELECT step_number, step, reached
    FROM totals
    CROSS JOIN LATERAL (VALUES
        (1, 'visit', sessions), (2, 'product view', viewed), (3, 'add to cart', carted),
        (4, 'checkout', checked_out), (5, 'purchase', purchased)
    ) AS step (step_number, step, reached)
    WHERE sessions > 0
)
SELECT
    step_number,
    step,
    reached AS sessions,
    round(100 * reached / first_value(reached) OVER way, 2) AS of_all_percent,
    round(100 * reached / nullif(lag(reached) OVER way, 0), 2) AS of_step_percent
FROM steps
WINDOW way AS (ORDER BY step_number)
ORDER BY step_number;
