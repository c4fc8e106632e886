-- How many customers of each month still buy in the months that follow?
-- Theme:     Customers
-- Grain:     one row per month of first purchase and number of months since, up to the last month
--            in which a customer of any cohort has a line.
-- Reads:     warehouse.cohort_activity
-- Chart:     heat retention_percent by cohort and month
-- Columns:   cohort             month of the first purchase, YYYY-MM
--            month              months since then; 0 is the month of the first purchase
--            customers          customers of the cohort
--            active             customers of the cohort who bought in that month
--            retention_percent  active of customers
--            revenue            money the cohort spent in that month, less what came back
-- Notes:     A month in which nobody of a cohort bought is listed with zero. The last month is
--            usually not over yet, so the last month of each cohort is lower than it will be.
--            Who bought nothing is in no cohort. Lines that bring something back, and cancelled sales,
--            are no purchases; those before the month of the first purchase are left out.
WITH cohorts AS (
    SELECT cohort_month, customers AS size
    FROM warehouse.cohort_activity
    WHERE month_number = 0
), last_line AS (
    SELECT max(cohort_month + month_number * interval '1 month') AS month
    FROM warehouse.cohort_activity
), cells AS (
    SELECT
        c.cohort_month,
        c.size,
        month_number
    FROM cohorts AS c
    CROSS JOIN last_line AS l
    CROSS JOIN LATERAL generate_series(
        0,
        (12 * (extract(year FROM l.month) - extract(year FROM c.cohort_month))
         + extract(month FROM l.month) - extract(month FROM c.cohort_month))::integer
    ) AS month_number
)
SELECT
    to_char(c.cohort_month, 'YYYY-MM') AS cohort,
    c.month_number AS month,
    c.size AS customers,
    coalesce(a.customers, 0) AS active,
    round(100.0 * coalesce(a.customers, 0) / c.size, 1) AS retention_percent,
    coalesce(a.revenue, 0.00) AS revenue
FROM cells AS c
LEFT JOIN warehouse.cohort_activity AS a USING (cohort_month, month_number)
ORDER BY c.cohort_month, c.month_number;
