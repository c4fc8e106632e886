-- country_sales: How much do the customers of each country buy?
-- Grain: one row per month with a sale in business time and country of the customer at the moment
-- of the sale. The country is 'unknown' for guests, and while the customer is an inferred member.
-- Revenue counts the priced sales, less what came back.
-- Reads gold_fact_sales, gold_dim_customer.
SELECT
    CAST(date_trunc('month', f.business_date) AS date) AS month_start,
    coalesce(c.country, 'unknown') AS country,
    count(*) AS transactions,
    count(f.amount) AS priced_transactions,
    CAST(coalesce(sum(f.amount), 0) AS decimal(18, 2)) AS revenue
FROM gold_fact_sales AS f
LEFT JOIN gold_dim_customer AS c ON c.customer_key = f.customer_key
GROUP BY 1, 2
ORDER BY 1, 2
