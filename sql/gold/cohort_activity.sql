-- cohort_activity: What do the customers won in a month spend in the months after?
-- Grain: one row per cohort (customers by the month of their first purchase) and month since in
-- which any of them has a line. Month 0 is the cohort's own. Customers are those who bought in the
-- month, and revenue counts the priced lines, less what came back. Who bought nothing is in no
-- cohort, nor are guests, nor what somebody brought back before the month of the first purchase. A
-- purchase that was cancelled is none. cohort_retention has the months in which none of them bought
-- too.
-- Reads gold_fact_sales.
WITH customer_months AS (
    SELECT
        customer_id,
        CAST(date_trunc('month', business_date) AS date) AS month_start,
        count(CASE WHEN quantity > 0 AND (status IS NULL OR status <> 'cancelled') THEN 1 END)
            AS purchases,
        sum(amount) AS revenue
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
    GROUP BY 1, 2
), activity AS (
    SELECT
        month_start,
        min(CASE WHEN purchases > 0 THEN month_start END) OVER (PARTITION BY customer_id)
            AS cohort_month,
        purchases,
        revenue
    FROM customer_months
)
SELECT
    cohort_month,
    CAST((extract(year FROM month_start) - extract(year FROM cohort_month)) * 12
         + extract(month FROM month_start) - extract(month FROM cohort_month) AS bigint)
        AS month_number,
    count(CASE WHEN purchases > 0 THEN 1 END) AS customers,
    CAST(coalesce(sum(revenue), 0) AS decimal(18, 2)) AS revenue
FROM activity
WHERE month_start >= cohort_month
GROUP BY 1, 2
ORDER BY 1, 2
