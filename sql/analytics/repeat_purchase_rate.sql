-- How many customers come back?
-- Theme:     Customers
-- Grain:     one row per number of baskets a customer has bought, five and more together.
-- Reads:     warehouse.purchase_frequency
-- Chart:     bars customers_percent by baskets
-- Columns:   baskets            baskets bought so far: 1 to 4, or 5+
--            customers          customers who bought that many
--            customers_percent  their share of all who ever bought
--            revenue            money they spent, less what came back
--            revenue_percent    their share of the revenue of all who ever bought; absent while that
--                               is not above zero
-- Notes:     A basket is all that a customer buys on one day (dim_date's day), or of it what has one
--            order number. So a customer with two lines on one day has come back only if they are two
--            orders. Guests are nobody. Lines that bring something back, and cancelled sales, are no
--            purchases, and who has nothing else is not counted.
--            The repeat purchase rate is the sum of customers_percent from 2 baskets on.
WITH grouped AS (
    SELECT
        least(baskets, 5) AS baskets,
        sum(customers) AS customers,
        sum(revenue) AS revenue
    FROM warehouse.purchase_frequency
    WHERE baskets > 0
    GROUP BY 1
)
SELECT
    CASE WHEN baskets = 5 THEN '5+' ELSE baskets::text END AS baskets,
    customers,
    round(100 * customers / sum(customers) OVER (), 2) AS customers_percent,
    revenue,
    round(100 * revenue / nullif(greatest(sum(revenue) OVER (), 0), 0), 2) AS revenue_percent
FROM grouped
ORDER BY grouped.baskets;
