-- How much is an average order worth in each country?
-- Grain:     one row per country with at least one sale.
-- Columns:   country              country of residence of the customer at the moment of the sale;
--                                 'unknown' while the customer is an inferred member
--            transactions         number of sales
--            revenue              each sale at the price that was valid at its moment
--            average_order_value  revenue per priced sale; absent when none has a price yet
-- Notes:     An order is one transaction: the source has no order number that would join several.
--            Sales of products whose price is not known yet count as transactions only.
SELECT
    coalesce(c.country::text, 'unknown') AS country,
    count(*) AS transactions,
    coalesce(sum(f.amount), 0.00) AS revenue,
    round(avg(f.amount), 2) AS average_order_value
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_customer AS c USING (customer_key)
GROUP BY 1
ORDER BY average_order_value DESC NULLS LAST, country;
