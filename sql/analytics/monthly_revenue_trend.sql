-- How does revenue develop from month to month?
-- Theme:     Revenue
-- Grain:     one row per month from the first to the last with a line; months between them without
--            one are listed with zero.
-- Reads:     warehouse.monthly_sales
-- Chart:     columns revenue by month
-- Columns:   month           YYYY-MM, by the UTC date of the sale
--            revenue         what was charged, less what came back
--            transactions    lines: sales, returns and what was cancelled
--            growth_percent  change of revenue against the month before; absent for the first
--                            month and after one whose revenue was zero or less
--            running_total   revenue from the first month to this one
-- Notes:     The last month is usually not over yet, so its growth is not comparable.
WITH bounds AS (
    SELECT min(month_start) AS first_month, max(month_start) AS last_month
    FROM warehouse.monthly_sales
), months AS (
    SELECT month::date AS month_start
    FROM bounds, generate_series(first_month, last_month, interval '1 month') AS month
), sales AS (
    SELECT
        m.month_start,
        coalesce(s.revenue, 0.00) AS revenue,
        coalesce(s.transactions, 0) AS transactions
    FROM months AS m
    LEFT JOIN warehouse.monthly_sales AS s USING (month_start)
)
SELECT
    to_char(month_start, 'YYYY-MM') AS month,
    revenue,
    transactions,
    round(100 * (revenue - lag(revenue) OVER history)
          / nullif(greatest(lag(revenue) OVER history, 0), 0), 2) AS growth_percent,
    sum(revenue) OVER history AS running_total
FROM sales
WINDOW history AS (ORDER BY month_start)
ORDER BY month_start;
