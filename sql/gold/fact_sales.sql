-- fact_sales: what was sold, to whom, and what it brought.
-- Grain: one row per transaction. The price is the sale's own, else the list price that was valid at
-- the moment of sale, and the keys name the version of customer and product of that moment; a guest
-- has none, and so has a line that is no product (postage, a voucher), which brings its own price.
-- Amounts are what was charged: quantity at that price less the discount (up to 1 a share
-- of the line, over 1 money), each rounded to cents, negative for what came back, and 0 for a sale
-- that was cancelled, returned or refunded as a whole. Price and amount are null while neither price
-- is known. Tax and shipping are in no amount. All of it is in the shop's currency: what a sale says in
-- another one is converted at the rate of its day, and is null while that is missing; list prices and
-- costs are the shop's own. charged is the amount in the currency of a sale that names one.
-- sql/ddl/0017_a_sale_as_it_was.sql and 0023_currencies_tax_and_payments.sql say the same for the
-- warehouse. Sales without a currency are computed with fewer digits, which is faster. event_date is the
-- UTC date; business_date is the date in the business time zone, which takes the place of UTC here.
-- transform puts them in order and asks for some months at once (functions/transform/src/gold/facts.rs).
-- Reads silver_transactions, core_exchange_rates (of these dates), gold_dim_customer, gold_dim_product.
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
        t.unit_price AS own_price,
        coalesce(t.unit_price, p.price) AS price,
        CASE
            WHEN t.currency IS NULL THEN NULL
            WHEN t.unit_price IS NULL THEN p.price
            WHEN t.unit_price * r.exchange_rate < CAST(99999999.995 AS decimal(11, 3))
                THEN t.unit_price * r.exchange_rate
        END AS converted_price,
        t.order_id,
        t.discount,
        t.status,
        t.quantity > 0 AND t.status IN ('cancelled', 'refunded', 'returned') AS is_void,
        CASE WHEN t.quantity > 0 THEN t.tax ELSE -abs(t.tax) END AS tax,
        CASE WHEN t.quantity > 0 THEN t.shipping ELSE -abs(t.shipping) END AS shipping,
        p.cost AS unit_cost,
        t.currency,
        r.exchange_rate
    FROM silver_transactions AS t
    LEFT JOIN gold_dim_customer AS c
        ON c.customer_id = t.customer_id
        AND t."timestamp" >= c.valid_from
        AND t."timestamp" < c.valid_to
    LEFT JOIN gold_dim_product AS p
        ON p.product_id = t.product_id
        AND t."timestamp" >= p.valid_from
        AND t."timestamp" < p.valid_to
    LEFT JOIN core_exchange_rates AS r
        ON r.currency = t.currency
        AND r.event_date = CAST(t."timestamp" AS date)
), measured AS (
    SELECT
        p.*,
        CASE
            WHEN p.currency IS NULL THEN
                CASE
                    WHEN p.discount <= 1
                        THEN CAST(p.quantity * p.price * p.discount AS decimal(18, 2))
                    WHEN p.quantity > 0 THEN CAST(p.discount AS decimal(18, 2))
                    ELSE -CAST(p.discount AS decimal(18, 2))
                END
            WHEN p.discount <= 1
                THEN CAST(p.quantity * p.converted_price * p.discount AS decimal(18, 2))
            WHEN p.quantity > 0 THEN CAST(p.discount * p.exchange_rate AS decimal(18, 2))
            ELSE -CAST(p.discount * p.exchange_rate AS decimal(18, 2))
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
    CASE
        WHEN currency IS NULL THEN CAST(price AS decimal(10, 2))
        ELSE CAST(converted_price AS decimal(10, 2))
    END AS unit_price,
    CASE
        WHEN is_void THEN CAST(0 AS decimal(18, 2))
        WHEN currency IS NULL
            THEN CAST(quantity * price AS decimal(18, 2))
                 - coalesce(taken_off, CAST(0 AS decimal(18, 2)))
        WHEN discount IS NULL THEN CAST(quantity * converted_price AS decimal(18, 2))
        ELSE CAST(quantity * converted_price AS decimal(18, 2)) - taken_off
    END AS amount,
    order_id,
    taken_off AS discount,
    status,
    CASE
        WHEN tax IS NULL THEN NULL
        WHEN is_void THEN CAST(0 AS decimal(18, 2))
        WHEN currency IS NULL THEN CAST(tax AS decimal(18, 2))
        ELSE CAST(tax * exchange_rate AS decimal(18, 2))
    END AS tax,
    CASE
        WHEN shipping IS NULL THEN NULL
        WHEN is_void THEN CAST(0 AS decimal(18, 2))
        WHEN currency IS NULL THEN CAST(shipping AS decimal(18, 2))
        ELSE CAST(shipping * exchange_rate AS decimal(18, 2))
    END AS shipping,
    CASE
        WHEN unit_cost IS NULL THEN NULL
        WHEN quantity > 0 AND status IN ('cancelled', 'returned') THEN CAST(0 AS decimal(18, 2))
        ELSE CAST(quantity * unit_cost AS decimal(18, 2))
    END AS cost,
    currency,
    exchange_rate,
    CASE
        WHEN currency IS NULL OR own_price IS NULL THEN NULL
        WHEN is_void THEN CAST(0 AS decimal(18, 2))
        WHEN discount IS NULL THEN CAST(quantity * own_price AS decimal(18, 2))
        WHEN discount <= 1
            THEN CAST(quantity * own_price AS decimal(18, 2))
                 - CAST(quantity * own_price * discount AS decimal(18, 2))
        WHEN quantity > 0
            THEN CAST(quantity * own_price AS decimal(18, 2)) - CAST(discount AS decimal(18, 2))
        ELSE CAST(quantity * own_price AS decimal(18, 2)) + CAST(discount AS decimal(18, 2))
    END AS charged
FROM measured
