-- weekly_sales: How do sales develop from week to week?
-- Grain: one row per week (Monday to Sunday, named by its Monday) with at least one sale in business
-- time.
-- Guests are no customers. An order is what has one order number, or a single line where there is none;
-- it counts in each week that has a line of it, unless all of them were cancelled. Gross is what was
-- sold, at the prices that were charged; revenue is gross less discounts and returns. Returns are what
-- came back, whether a line of its own says so or the status of the sale. Units are less what came back
-- or was cancelled. Money counts priced lines; unpriced_transactions says how many wait for the price
-- of their product, or for an exchange rate. Tax and shipping are in no other sum. The margin is that of
-- costed_revenue, the revenue of the lines whose cost is known. All money is in the shop's currency.
-- Reads gold_fact_sales.
WITH lines AS (
    SELECT
        CAST(date_trunc('week', business_date) AS date) AS week_start,
        customer_id,
        order_id,
        quantity,
        unit_price,
        amount,
        discount,
        status,
        tax,
        shipping,
        cost,
        CASE WHEN quantity > 0 AND (status IS NULL OR status <> 'cancelled') THEN 1 ELSE 0 END
            AS sold
    FROM gold_fact_sales
), periods AS (
    SELECT
        week_start,
        count(*) AS transactions,
        count(DISTINCT customer_id) AS customers,
        sum(CASE
            WHEN status IS NOT NULL AND quantity > 0 AND status IN ('cancelled', 'returned') THEN 0
            ELSE quantity
        END) AS units,
        CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS revenue,
        count(*) - count(amount) AS unpriced_transactions,
        count(CASE WHEN sold = 1 AND order_id IS NULL THEN 1 END) AS single_sales,
        CAST(coalesce(sum(
            CASE
                WHEN status IS NOT NULL AND sold = 1 AND status IN ('refunded', 'returned')
                    THEN CAST(quantity * unit_price AS decimal(18, 2))
                WHEN sold = 1 THEN amount + coalesce(discount, CAST(0 AS decimal(18, 2)))
            END), 0) AS decimal(18, 2)) AS gross,
        CAST(coalesce(sum(CASE WHEN sold = 1 AND unit_price IS NOT NULL THEN discount END), 0)
             AS decimal(18, 2)) AS discounts,
        CAST(coalesce(sum(tax), 0) AS decimal(18, 2)) AS tax,
        CAST(coalesce(sum(shipping), 0) AS decimal(18, 2)) AS shipping,
        CAST(coalesce(sum(CASE WHEN cost IS NOT NULL THEN amount END), 0) AS decimal(18, 2))
            AS costed_revenue,
        CAST(coalesce(sum(amount - cost), 0) AS decimal(18, 2)) AS margin
    FROM lines
    GROUP BY week_start
), numbered AS (
    SELECT week_start, count(DISTINCT order_id) AS orders
    FROM lines
    WHERE sold = 1 AND order_id IS NOT NULL
    GROUP BY week_start
)
SELECT
    p.week_start,
    p.transactions,
    p.customers,
    p.units,
    p.revenue,
    p.unpriced_transactions,
    p.single_sales + coalesce(n.orders, 0) AS orders,
    p.gross,
    p.discounts,
    CAST(p.gross - p.discounts - p.revenue AS decimal(18, 2)) AS returns,
    p.tax,
    p.shipping,
    p.costed_revenue,
    p.margin
FROM periods AS p
LEFT JOIN numbered AS n ON n.week_start = p.week_start
ORDER BY p.week_start
