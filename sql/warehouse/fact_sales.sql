-- The facts of the dirty dates, each with the versions that were valid at the moment of sale, at its
-- own price or else at that version's list price. $1 and $2 enclose the dirty dates, so that few
-- dates are found through the index. A guest's sale, a line that is no product and one of which nobody
-- knows how it was paid have no key there; a sale that has a customer, a product or a way to pay which
-- its dimension lacks ends the statement: no sale gets lost silently.
-- transform writes them to a table beside this one first, to compare (warehouse/facts.rs).
INSERT INTO warehouse.fact_sales (transaction_id, date_key, customer_key, product_key,
                                  payment_method_key, sold_at, quantity, unit_price, amount,
                                  order_id, discount, status)
SELECT t.id, d.date_key,
       CASE WHEN t.customer_id IS NOT NULL
            THEN coalesce(c.customer_key, warehouse.lost_sale(t."timestamp")) END,
       CASE WHEN t.product_id IS NOT NULL
            THEN coalesce(p.product_key, warehouse.lost_sale('product', t."timestamp")) END,
       CASE WHEN t.payment_method_id IS NOT NULL
            THEN coalesce(m.payment_method_key,
                          warehouse.lost_sale('way to pay', t."timestamp")::smallint) END,
       t."timestamp", t.quantity,
       coalesce(t.unit_price, p.price),
       warehouse.line_amount(t.quantity, coalesce(t.unit_price, p.price), t.discount, t.status),
       t.order_id,
       warehouse.line_discount(t.quantity, coalesce(t.unit_price, p.price), t.discount),
       t.status
FROM core.transactions AS t
JOIN pending_dates AS dirty
  ON dirty.event_date = (t."timestamp" AT TIME ZONE 'UTC')::date AND dirty.rebuild
JOIN warehouse.dim_date AS d ON d.date = dirty.event_date
LEFT JOIN core.payment_methods AS source ON source.payment_method_id = t.payment_method_id
LEFT JOIN warehouse.dim_payment_method AS m ON m.payment_method = source.name
LEFT JOIN warehouse.dim_customer AS c
  ON c.customer_id = t.customer_id
 AND t."timestamp" >= c.valid_from AND t."timestamp" < c.valid_to
LEFT JOIN warehouse.dim_product AS p
  ON p.product_id = t.product_id
 AND t."timestamp" >= p.valid_from AND t."timestamp" < p.valid_to
WHERE t."timestamp" >= $1 AND t."timestamp" < $2
