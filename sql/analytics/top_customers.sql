-- Who are the ten customers that spent most?
-- Theme:     Customers
-- Grain:     one row per customer, at most ten.
-- Reads:     warehouse.customer_lifetime_value, warehouse.dim_customer
-- Chart:     bars revenue by customer_id
-- Columns:   rank          1 is the customer who spent most
--            customer_id   number of the customer; name and address are not part of the warehouse
--            country       country of residence today; 'unknown' for inferred members
--            transactions  number of sales
--            revenue       money spent, each sale at the price that was valid at its moment
-- Notes:     Sales of products whose price is not known yet count as transactions, not as revenue.
--            Equal revenue: more transactions first, then the lower number, so that the answer is
--            always the same.
SELECT
    row_number() OVER best AS rank,
    s.customer_id,
    coalesce(c.country::text, 'unknown') AS country,
    s.transactions,
    s.revenue
FROM warehouse.customer_lifetime_value AS s
JOIN warehouse.dim_customer AS c ON c.customer_id = s.customer_id AND c.is_current
WINDOW best AS (ORDER BY s.revenue DESC, s.transactions DESC, s.customer_id)
ORDER BY rank
LIMIT 10;
