-- cohort_activity: What do the customers won in a month spend in the months after?
-- Grain: one row per cohort (customers by the month of their first purchase) and month since in
-- which any of them bought or brought something back. Month 0 is the cohort's own; in the others
-- those count who bought. Revenue counts the priced sales, less what came back. Guests are in no
-- cohort. cohort_retention has the months in which none of them bought too.
-- Reads gold_fact_sales.
WITH customer_months AS (
    SELECT
        customer_id,
        CAST(date_trunc('month', business_date) AS date) AS month_start,
        count(CASE WHEN quantity > 0 THEN 1 END) AS sales,
        sum(amount) AS revenue
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
    GROUP BY 1, 2
), activity AS (
    SELECT
        month_start,
        min(month_start) OVER (PARTITION BY customer_id) AS cohort_month,
        sales,
        revenue
    FROM customer_months
)
SELECT
    cohort_month,
    CAST((extract(year FROM month_start) - extract(year FROM cohort_month)) * 12
         + extract(month FROM month_start) - extract(month FROM cohort_month) AS bigint)
        AS month_number,
    count(CASE WHEN sales > 0 OR month_start = cohort_month THEN 1 END) AS customers,
    CAST(coalesce(sum(revenue), 0) AS decimal(18, 2)) AS revenue
FROM activity
GROUP BY 1, 2
ORDER BY 1, 2
