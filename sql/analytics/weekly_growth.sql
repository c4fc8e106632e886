-- How does each week compare with the one before?
-- Theme:     Revenue
-- Grain:     one row per week, Monday to Sunday, from the first to the last with a line; weeks
--            between them without one are listed with zero.
-- Reads:     warehouse.weekly_sales, warehouse.daily_sales
-- Chart:     line revenue by week where days is 7
-- Columns:   week               its Monday
--            days               days of the week from the first to the last day with a line: less
--                               than 7 at both ends
--            revenue            what was charged, less what came back
--            transactions       lines: sales, returns and what was cancelled
--            growth_percent     change of revenue against the week before; absent when either week
--                               is incomplete or the revenue of the one before was zero or less
--            four_week_average  mean revenue of this week and the three before it, where all four
--                               are complete
WITH bounds AS (
    SELECT min(event_date) AS first_day, max(event_date) AS last_day
    FROM warehouse.daily_sales
), weeks AS (
    SELECT week::date AS week_start,
           least(week::date + 6, last_day) - greatest(week::date, first_day) + 1 AS days
    FROM bounds,
         generate_series(date_trunc('week', first_day::timestamp),
                         date_trunc('week', last_day::timestamp), interval '1 week') AS week
), sales AS (
    SELECT
        w.week_start,
        w.days,
        coalesce(s.revenue, 0.00) AS revenue,
        coalesce(s.transactions, 0) AS transactions
    FROM weeks AS w
    LEFT JOIN warehouse.weekly_sales AS s USING (week_start)
)
SELECT
    week_start AS week,
    days,
    revenue,
    transactions,
    CASE WHEN days + lag(days) OVER history = 14
         THEN round(100 * (revenue - lag(revenue) OVER history)
                    / nullif(greatest(lag(revenue) OVER history, 0), 0), 2) END AS growth_percent,
    CASE WHEN sum(days) OVER month_back = 28
         THEN round(avg(revenue) OVER month_back, 2) END AS four_week_average
FROM sales
WINDOW history AS (ORDER BY week_start),
       month_back AS (ORDER BY week_start ROWS 3 PRECEDING)
ORDER BY week_start;
