-- The outdated facts with the versions and prices of the new history. A fact without a version
-- breaks the NOT NULL of the key: no sale gets lost silently.
UPDATE warehouse.fact_sales AS f
SET customer_key = n.customer_key, product_key = n.product_key, unit_price = n.price,
    amount = f.quantity * n.price
FROM (
    SELECT o.date_key, o.transaction_id, c.customer_key, p.product_key, p.price
    FROM outdated_facts AS o
    JOIN warehouse.fact_sales AS f USING (date_key, transaction_id)
    LEFT JOIN warehouse.dim_customer AS c
      ON c.customer_id = o.customer_id AND f.sold_at >= c.valid_from AND f.sold_at < c.valid_to
    LEFT JOIN warehouse.dim_product AS p
      ON p.product_id = o.product_id AND f.sold_at >= p.valid_from AND f.sold_at < p.valid_to
) AS n
WHERE f.date_key = n.date_key AND f.transaction_id = n.transaction_id
