-- cohort_retention: How many of the customers won in a month still buy in the months after?
-- Grain: one row per cohort (customers by the month of their first purchase) and month since, up to
-- the last with a purchase of any customer, for every month with one. Month 0 is the cohort's own.
-- Returns and cancelled sales are no purchases; who bought nothing is in no cohort, nor are guests.
-- Reads gold_fact_sales.
WITH activity AS (
    SELECT DISTINCT customer_id, CAST(date_trunc('month', business_date) AS date) AS month_start
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
        AND quantity > 0
        AND (status IS NULL OR status <> 'cancelled')
), customers AS (
    SELECT customer_id, min(month_start) AS cohort_month FROM activity GROUP BY customer_id
), cohorts AS (
    SELECT cohort_month, count(*) AS customers FROM customers GROUP BY cohort_month
), active AS (
    SELECT c.cohort_month, a.month_start, count(*) AS customers
    FROM activity AS a
    JOIN customers AS c ON c.customer_id = a.customer_id
    GROUP BY c.cohort_month, a.month_start
), months AS (
    SELECT DISTINCT month_start FROM activity
)
SELECT
    c.cohort_month,
    CAST((extract(year FROM m.month_start) - extract(year FROM c.cohort_month)) * 12
         + extract(month FROM m.month_start) - extract(month FROM c.cohort_month) AS bigint)
        AS month_number,
    c.customers,
    coalesce(a.customers, 0) AS active_customers,
    CAST(CAST(coalesce(a.customers, 0) AS decimal(18, 6)) / c.customers AS decimal(9, 6))
        AS retention
FROM cohorts AS c
JOIN months AS m ON m.month_start >= c.cohort_month
LEFT JOIN active AS a ON a.cohort_month = c.cohort_month AND a.month_start = m.month_start
ORDER BY c.cohort_month, month_number
