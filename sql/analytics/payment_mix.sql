-- How do customers pay?
-- Theme:     Revenue
-- Grain:     one row per month and way to pay, of the last twelve months with a payment.
-- Reads:     warehouse.fact_sales, warehouse.payment_sales, warehouse.payments
-- Chart:     bars share_percent by payment_method in month
-- Columns:   month           YYYY-MM, by the day of the payment, else by the first UTC day of its
--                            order; of sales, by their business day
--            payment_method  how it was paid; 'unknown' where nobody knows it
--            payments        number of payments; of lines that were sold, where there are no payments
--            amount          what was paid, less what was paid back, in the shop's currency, without
--                            payments and lines whose price or exchange rate is not known; absent
--                            where there is no other
--            share_percent   share of the amounts of the month; absent while those are not above zero
-- Notes:     From the payments where there are any, else from what the sales say. Payments of which
--            neither the day nor the order is known are left out. Single sales are read only for
--            payments without a day.
WITH order_days AS (
    -- Asked only for payments without a day.
    SELECT order_id, to_date(min(date_key)::text, 'YYYYMMDD') AS day
    FROM warehouse.fact_sales
    WHERE order_id IS NOT NULL
      AND EXISTS (SELECT FROM warehouse.payments WHERE payment_date IS NULL)
    GROUP BY order_id
), paid AS (
    SELECT
        coalesce(p.payment_date, o.day) AS day,
        p.payment_method,
        p.currency,
        count(*) AS payments,
        sum(p.amount) AS amount
    FROM warehouse.payments AS p
    LEFT JOIN order_days AS o ON o.order_id = p.order_id AND p.payment_date IS NULL
    GROUP BY 1, 2, 3
), both_kinds AS (
    SELECT
        date_trunc('month', day)::date AS month_start,
        payment_method,
        payments,
        CASE WHEN currency IS NULL THEN amount
             ELSE amount * warehouse.exchange_rate(currency, day) END AS amount
    FROM paid
    WHERE day IS NOT NULL
    UNION ALL
    SELECT month_start, payment_method, lines_sold,
           CASE WHEN priced_transactions > 0 THEN revenue END
    FROM warehouse.payment_sales
    WHERE NOT EXISTS (SELECT FROM warehouse.payments)
), months AS (
    SELECT
        month_start,
        coalesce(payment_method, 'unknown') AS payment_method,
        sum(payments) AS payments,
        round(sum(amount), 2) AS amount
    FROM both_kinds
    GROUP BY 1, 2
), latest AS (
    SELECT max(month_start) AS month_start FROM months
)
SELECT
    to_char(m.month_start, 'YYYY-MM') AS month,
    m.payment_method,
    m.payments,
    m.amount,
    round(100 * m.amount
          / nullif(greatest(sum(m.amount) OVER (PARTITION BY m.month_start), 0), 0), 2)
        AS share_percent
FROM months AS m
CROSS JOIN latest AS l
WHERE m.month_start > l.month_start - interval '12 months'
ORDER BY m.month_start, m.amount DESC NULLS LAST, m.payment_method;
