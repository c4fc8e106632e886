-- The facts of the dirty dates, each with the versions that were valid at the moment of sale, at its
-- own price or else at that version's list price, in the shop's currency. $1 and $2 enclose the dirty
-- dates, so that few dates are found through the index. A guest's sale, a line that is no product and
-- one of which nobody knows how it was paid have no key there; a sale that has a customer, a product or
-- a way to pay which its dimension lacks ends the statement: no sale gets lost silently.
-- transform writes them to a table beside this one first, to compare (warehouse/facts.rs).
INSERT INTO warehouse.fact_sales (transaction_id, date_key, customer_key, product_key,
                                  payment_method_key, sold_at, quantity, unit_price, amount,
                                  order_id, discount, status, tax, shipping, cost, currency,
                                  exchange_rate, charged)
SELECT t.id, d.date_key,
       CASE WHEN t.customer_id IS NOT NULL
            THEN coalesce(c.customer_key, warehouse.lost_sale(t."timestamp")) END,
       CASE WHEN t.product_id IS NOT NULL
            THEN coalesce(p.product_key, warehouse.lost_sale('product', t."timestamp")) END,
       CASE WHEN t.payment_method_id IS NOT NULL
            THEN coalesce(m.payment_method_key,
                          warehouse.lost_sale('way to pay', t."timestamp")::smallint) END,
       t."timestamp", t.quantity,
       own.price,
       warehouse.line_amount(t.quantity, own.price, t.discount, t.status, own.factor),
       t.order_id,
       warehouse.line_discount(t.quantity, own.price, t.discount, own.factor),
       t.status,
       warehouse.line_charge(t.quantity, t.tax, t.status, own.factor),
       warehouse.line_charge(t.quantity, t.shipping, t.status, own.factor),
       CASE WHEN p.cost IS NOT NULL THEN warehouse.line_cost(t.quantity, p.cost, t.status) END,
       t.currency,
       r.exchange_rate,
       CASE WHEN t.currency IS NOT NULL AND t.unit_price IS NOT NULL
            THEN warehouse.line_amount(t.quantity, t.unit_price, t.discount, t.status, 1) END
FROM core.transactions AS t
-- Small tables are joined with each other first, so that the many rows pass through fewer joins; OFFSET 0
-- keeps the subquery apart from the query.
JOIN (
    SELECT dirty.event_date, d.date_key
    FROM pending_dates AS dirty
    JOIN warehouse.dim_date AS d ON d.date = dirty.event_date
    WHERE dirty.rebuild
    OFFSET 0
) AS d ON d.event_date = (t."timestamp" AT TIME ZONE 'UTC')::date
LEFT JOIN (
    core.payment_methods AS source
    JOIN warehouse.dim_payment_method AS m ON m.payment_method = source.name
) ON source.payment_method_id = t.payment_method_id
LEFT JOIN warehouse.dim_customer AS c
  ON c.customer_id = t.customer_id
 AND t."timestamp" >= c.valid_from AND t."timestamp" < c.valid_to
LEFT JOIN warehouse.dim_product AS p
  ON p.product_id = t.product_id
 AND t."timestamp" >= p.valid_from AND t."timestamp" < p.valid_to
LEFT JOIN pending_rates AS r
  ON r.currency = t.currency AND r.event_date = d.event_date
CROSS JOIN LATERAL (
    SELECT warehouse.line_price(t.currency, t.unit_price, p.price, r.exchange_rate) AS price,
           CASE WHEN t.currency IS NULL THEN 1 ELSE r.exchange_rate END AS factor
) AS own
WHERE t."timestamp" >= $1 AND t."timestamp" < $2
