-- How much do customers buy at a time?
-- Theme:     Customers
-- Grain:     one row per number of lines in a basket, five and more together.
-- Reads:     warehouse.basket_sizes
-- Chart:     bars baskets_percent by lines
-- Columns:   lines            lines in the basket: 1 to 4, or 5+
--            baskets          baskets of that size
--            baskets_percent  their share of all baskets
--            average_units    units per basket
--            average_value    revenue per basket; lines without a known price add nothing
-- Notes:     A basket is all that a customer buys on one day (dim_date's day), or of it what has one
--            order number, and each line to a guest without a number is one. Lines that bring
--            something back, and cancelled sales, are in none.
WITH grouped AS (
    SELECT
        least(lines, 5) AS lines,
        sum(baskets) AS baskets,
        sum(units) AS units,
        sum(revenue) AS revenue
    FROM warehouse.basket_sizes
    GROUP BY 1
)
SELECT
    CASE WHEN lines = 5 THEN '5+' ELSE lines::text END AS lines,
    baskets,
    round(100 * baskets / sum(baskets) OVER (), 2) AS baskets_percent,
    round(units / baskets, 2) AS average_units,
    round(revenue / baskets, 2) AS average_value
FROM grouped
ORDER BY grouped.lines;
