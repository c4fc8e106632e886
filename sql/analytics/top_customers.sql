-- Who are the ten customers that spent most?
-- Theme:     Customers
-- Grain:     one row per customer, at most ten.
-- Reads:     warehouse.customer_lifetime_value, warehouse.dim_customer
-- Chart:     bars revenue by customer_id
-- Columns:   rank          1 is the customer who spent most
--            customer_id   number of the customer; name and address are not part of the warehouse
--            country       country of residence today; 'unknown' where nobody knows it
--            transactions  lines: sales, returns and what was cancelled
--            revenue       money spent, less what came back
-- Notes:     Lines of products whose price is not known yet count as transactions, not as revenue.
--            Equal revenue: more transactions first, then the lower number, so that the answer is
--            always the same.
WITH best AS (
    SELECT customer_id, transactions, revenue
    FROM warehouse.customer_lifetime_value
    ORDER BY revenue DESC, transactions DESC, customer_id
    LIMIT 10
)
SELECT
    row_number() OVER (ORDER BY b.revenue DESC, b.transactions DESC, b.customer_id) AS rank,
    b.customer_id,
    coalesce(c.country::text, 'unknown') AS country,
    b.transactions,
    b.revenue
FROM best AS b
JOIN warehouse.dim_customer AS c ON c.customer_id = b.customer_id AND c.is_current
ORDER BY rank;
