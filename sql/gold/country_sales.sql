-- country_sales: How much do the customers of each country buy?
-- Grain: one row per month with a sale in business time and country of the customer at the moment
-- of the sale. The country is 'unknown' for guests, and where nobody knows that of the customer.
-- Orders are those with a priced sale that was not cancelled: what has one order number, or a single
-- sale where there is none. Revenue counts the priced sales, less what came back.
-- Reads gold_fact_sales, gold_dim_customer.
WITH lines AS (
    SELECT
        CAST(date_trunc('month', f.business_date) AS date) AS month_start,
        coalesce(c.country, 'unknown') AS country,
        f.order_id,
        f.amount,
        CASE
            WHEN f.quantity > 0 AND (f.status IS NULL OR f.status <> 'cancelled')
                AND f.amount IS NOT NULL THEN 1
            ELSE 0
        END AS sold
    FROM gold_fact_sales AS f
    LEFT JOIN gold_dim_customer AS c ON c.customer_key = f.customer_key
), countries AS (
    SELECT
        month_start,
        country,
        count(*) AS transactions,
        count(amount) AS priced_transactions,
        CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS revenue,
        count(CASE WHEN sold = 1 AND order_id IS NULL THEN 1 END) AS single_sales
    FROM lines
    GROUP BY month_start, country
), numbered AS (
    SELECT month_start, country, count(DISTINCT order_id) AS orders
    FROM lines
    WHERE sold = 1 AND order_id IS NOT NULL
    GROUP BY month_start, country
)
SELECT
    c.month_start,
    c.country,
    c.transactions,
    c.priced_transactions,
    c.revenue,
    c.single_sales + coalesce(n.orders, 0) AS orders
FROM countries AS c
LEFT JOIN numbered AS n ON n.month_start = c.month_start AND n.country = c.country
ORDER BY c.month_start, c.country
