-- fact_sales: what was sold, to whom, and what it brought.
-- Grain: one row per transaction. The price is the sale's own, else the list price that was valid at
-- the moment of sale, and the keys name the version of customer and product of that moment; a guest
-- has none, and so has a line that is no product (postage, a voucher), which brings its own price.
-- Amounts are what was charged: quantity at that price less the discount (up to 1 a share
-- of the line, over 1 money), each rounded to cents, negative for what came back, and 0 for a sale
-- that was cancelled, returned or refunded as a whole. Price and amount are null while neither price
-- is known. sql/ddl/0017_a_sale_as_it_was.sql says the same for the warehouse. event_date is the UTC
-- date; business_date is the date in the business time zone, which takes the place of UTC here.
-- Reads silver_transactions, gold_dim_customer, gold_dim_product.
WITH priced AS (
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
        coalesce(t.unit_price, p.price) AS unit_price,
        t.order_id,
        t.discount,
        t.status
    FROM silver_transactions AS t
    LEFT JOIN gold_dim_customer AS c
        ON c.customer_id = t.customer_id
        AND t."timestamp" >= c.valid_from
        AND t."timestamp" < c.valid_to
    LEFT JOIN gold_dim_product AS p
        ON p.product_id = t.product_id
        AND t."timestamp" >= p.valid_from
        AND t."timestamp" < p.valid_to
), measured AS (
    SELECT
        p.*,
        CASE
            WHEN p.discount <= 1
                THEN CAST(p.quantity * p.unit_price * p.discount AS decimal(18, 2))
            WHEN p.quantity > 0 THEN CAST(p.discount AS decimal(18, 2))
            ELSE -CAST(p.discount AS decimal(18, 2))
        END AS taken_off
    FROM priced AS p
)
SELECT
    transaction_id,
    event_date,
    business_date,
    sold_at,
    customer_id,
    customer_key,
    product_id,
    product_key,
    payment_method,
    quantity,
    unit_price,
    CASE
        WHEN quantity > 0 AND status IN ('cancelled', 'refunded', 'returned')
            THEN CAST(0 AS decimal(18, 2))
        ELSE CAST(quantity * unit_price AS decimal(18, 2))
             - coalesce(taken_off, CAST(0 AS decimal(18, 2)))
    END AS amount,
    order_id,
    taken_off AS discount,
    status
FROM measured
ORDER BY event_date, transaction_id
