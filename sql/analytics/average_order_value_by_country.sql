-- How much is an average order worth in each country?
-- Theme:     Customers
-- Grain:     one row per country with at least one line.
-- Reads:     warehouse.country_sales
-- Chart:     bars average_order_value by country
-- Columns:   country              country of residence of the customer at the moment of the sale;
--                                 'unknown' where nobody knows it
--            transactions         lines: sales, returns and what was cancelled
--            revenue              what was charged, less what came back
--            average_order_value  revenue per order; absent when no order has a price yet
-- Notes:     An order is what has one order number, or a single line where there is none. Those that
--            were cancelled are left out. The country of guests is 'unknown'.
--            Lines of products whose price is not known yet count as transactions only.
SELECT
    country,
    sum(transactions) AS transactions,
    sum(revenue) AS revenue,
    round(sum(revenue) / nullif(sum(orders), 0), 2) AS average_order_value
FROM warehouse.country_sales
GROUP BY country
ORDER BY average_order_value DESC NULLS LAST, country;
