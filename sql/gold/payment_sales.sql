-- payment_sales: How are the sales of each month paid?
-- Grain: one row per month with a sale in business time and way to pay, as the sale says it. It is
-- 'unknown' where nobody knows it. A line is sold if it was no return and not cancelled. Revenue is less
-- what came back, and counts the priced sales. Payments of their own are in warehouse.payments.
-- Reads gold_fact_sales.
SELECT
    CAST(date_trunc('month', business_date) AS date) AS month_start,
    coalesce(payment_method, 'unknown') AS payment_method,
    count(*) AS transactions,
    count(amount) AS priced_transactions,
    count(CASE WHEN quantity > 0 AND (status IS NULL OR status <> 'cancelled') THEN 1 END)
        AS lines_sold,
    CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS revenue
FROM gold_fact_sales
GROUP BY 1, 2
ORDER BY 1, 2
