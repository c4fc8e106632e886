-- daily_sales: How much was sold on each day?
-- Grain: one row per day with at least one sale in business time.
-- Guests are no customers. Units and revenue are less what came back. Revenue counts priced sales;
-- unpriced_transactions says how many wait for the price of their product.
-- Reads gold_fact_sales.
SELECT
    business_date AS event_date,
    count(*) AS transactions,
    count(DISTINCT customer_id) AS customers,
    sum(quantity) AS units,
    CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS revenue,
    count(*) - count(amount) AS unpriced_transactions
FROM gold_fact_sales
GROUP BY 1
ORDER BY 1
