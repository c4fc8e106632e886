-- The outdated facts with the versions, list prices and costs of the new history; a sale with a price
-- of its own keeps that. Rates stay as they were: another one makes its dates dirty. A fact whose
-- customer or product has no version ends the statement: no sale gets lost silently.
UPDATE warehouse.fact_sales AS f
SET customer_key = n.customer_key, product_key = n.product_key, unit_price = n.price,
    amount = warehouse.line_amount(f.quantity, n.price, n.discount, f.status, n.factor),
    discount = warehouse.line_discount(f.quantity, n.price, n.discount, n.factor),
    cost = warehouse.line_cost(f.quantity, n.cost, f.status)
FROM (
    SELECT o.date_key, o.transaction_id,
           CASE WHEN o.customer_id IS NOT NULL
                THEN coalesce(c.customer_key, warehouse.lost_sale(f.sold_at)) END AS customer_key,
           CASE WHEN o.product_id IS NOT NULL
                THEN coalesce(p.product_key, warehouse.lost_sale('product', f.sold_at)) END
               AS product_key,
           warehouse.line_price(f.currency, t.unit_price, p.price, f.exchange_rate) AS price,
           CASE WHEN f.currency IS NULL THEN 1 ELSE f.exchange_rate END AS factor,
           t.discount, p.cost
    FROM outdated_facts AS o
    JOIN warehouse.fact_sales AS f USING (date_key, transaction_id)
    LEFT JOIN core.transactions AS t ON t.id = o.transaction_id
    LEFT JOIN warehouse.dim_customer AS c
      ON c.customer_id = o.customer_id AND f.sold_at >= c.valid_from AND f.sold_at < c.valid_to
    LEFT JOIN warehouse.dim_product AS p
      ON p.product_id = o.product_id AND f.sold_at >= p.valid_from AND f.sold_at < p.valid_to
) AS n
WHERE f.date_key = n.date_key AND f.transaction_id = n.transaction_id
