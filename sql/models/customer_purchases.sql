-- customer_purchases: What do the purchase models know of each customer?
-- Grain: one row per customer who ever bought; guests are nobody. Feeds customer_lifetime_prediction
-- and model_fits. A purchase is a business day on which the customer bought: several lines of one day
-- are one purchase, as usual with these models, which have no two purchases at the same moment. What
-- came back is no purchase, and takes nothing off what was spent; what was cancelled is none either.
-- Time is in days, from the customer's first purchase to their last (recency) and to the shop's last
-- day with a line (age), not to today, so the same sales always give the same answer.
-- Spending is that of the repeat purchases; days whose products have no price yet do not count.
-- Reads gold_fact_sales.
WITH days AS (
    SELECT customer_id, business_date, sum(amount) AS spent
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
        AND quantity > 0
        AND (status IS NULL OR status <> 'cancelled')
    GROUP BY customer_id, business_date
), spans AS (
    SELECT
        customer_id,
        min(business_date) AS first_purchase,
        max(business_date) AS last_purchase,
        count(*) AS purchases
    FROM days
    GROUP BY customer_id
), repeats AS (
    SELECT d.customer_id, count(d.spent) AS priced, sum(d.spent) AS spent
    FROM days AS d
    JOIN spans AS s ON s.customer_id = d.customer_id
    WHERE d.business_date > s.first_purchase
    GROUP BY d.customer_id
), as_of AS (
    SELECT max(business_date) AS last_line FROM gold_fact_sales
)
SELECT
    s.customer_id,
    a.last_line AS as_of,
    s.purchases - 1 AS repeats,
    CAST(to_unixtime(CAST(s.last_purchase AS timestamp)) AS bigint) / 86400
      - CAST(to_unixtime(CAST(s.first_purchase AS timestamp)) AS bigint) / 86400 AS recency_days,
    CAST(to_unixtime(CAST(a.last_line AS timestamp)) AS bigint) / 86400
      - CAST(to_unixtime(CAST(s.first_purchase AS timestamp)) AS bigint) / 86400 AS age_days,
    coalesce(r.priced, 0) AS priced_repeats,
    CAST(coalesce(r.spent, 0) AS decimal(18, 2)) AS repeat_revenue
FROM spans AS s
CROSS JOIN as_of AS a
LEFT JOIN repeats AS r ON r.customer_id = s.customer_id
ORDER BY s.customer_id
