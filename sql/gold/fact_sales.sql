-- fact_sales: what was sold, to whom, at which price.
-- Grain: one row per transaction. The price is the one that was valid at the moment of sale, and
-- the keys name the version of customer and product of that moment. Price and amount are null
-- while the product is only known from the transaction itself. event_date is the UTC date;
-- business_date is the date in the business time zone, which takes the place of UTC here.
-- Reads silver_transactions, gold_dim_customer, gold_dim_product.
SELECT
    t.id AS transaction_id,
    CAST(t."timestamp" AS date) AS event_date,
    CAST(t."timestamp" AT TIME ZONE 'UTC' AS date) AS business_date,
    t."timestamp" AS sold_at,
    t.customer_id,
    c.customer_key,
    t.product_id,
    p.product_key,
    t.payment_method,
    t.quantity,
    p.price AS unit_price,
    CAST(t.quantity * p.price AS decimal(18, 2)) AS amount
FROM silver_transactions AS t
JOIN gold_dim_customer AS c
    ON c.customer_id = t.customer_id
    AND t."timestamp" >= c.valid_from
    AND t."timestamp" < c.valid_to
JOIN gold_dim_product AS p
    ON p.product_id = t.product_id
    AND t."timestamp" >= p.valid_from
    AND t."timestamp" < p.valid_to
ORDER BY event_date, transaction_id
