-- The shop as load leaves it when little has changed, and late: ten customers have moved and two
-- products have another price since the middle of the year, and one day has a new sale.
INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at, modified_at)
VALUES ('transactions', '', '', '', '', '-infinity', '-infinity');
INSERT INTO core.categories (name) SELECT DISTINCT category FROM warehouse.dim_product;
INSERT INTO core.suppliers (name) SELECT DISTINCT supplier FROM warehouse.dim_product;
INSERT INTO core.payment_methods (name)
SELECT payment_method FROM warehouse.dim_payment_method ON CONFLICT DO NOTHING;

INSERT INTO core.customers (id, is_inferred, effective_at, source_modified_at, source_version_id,
                            source_run_id)
SELECT customer_id, true, '-infinity', '-infinity', '', '' FROM warehouse.dim_customer;
INSERT INTO core.customer_history (id, effective_at, name, email, registration_date, country,
                                   row_hash, source_modified_at, source_version_id, source_run_id)
SELECT customer_id, timestamptz '2000-01-01 00:00+00', '', email_domain, registration_date, country,
       '', '-infinity', '', ''
FROM warehouse.dim_customer;

INSERT INTO core.products (id, is_inferred, effective_at, source_modified_at, source_version_id,
                           source_run_id)
SELECT product_id, true, '-infinity', '-infinity', '', '' FROM warehouse.dim_product;
INSERT INTO core.product_history (id, effective_at, name, category, price, supplier, row_hash,
                                  source_modified_at, source_version_id, source_run_id)
SELECT product_id, timestamptz '2000-01-01 00:00+00', name, category, price, supplier, '',
       '-infinity', '', ''
FROM warehouse.dim_product;

INSERT INTO core.transactions (id, customer_id, product_id, "timestamp", row_hash, quantity,
                               source_id, payment_method_id)
SELECT f.transaction_id, c.customer_id, p.product_id, f.sold_at, 0, f.quantity, s.source_id,
       m.payment_method_id
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_customer AS c USING (customer_key)
JOIN warehouse.dim_product AS p USING (product_key)
JOIN warehouse.dim_payment_method AS known USING (payment_method_key)
JOIN core.payment_methods AS m ON m.name = known.payment_method
CROSS JOIN core.sources AS s
ORDER BY f.transaction_id;

CREATE TEMP TABLE middle ON COMMIT DROP AS
SELECT date_trunc('day', min(sold_at) + (max(sold_at) - min(sold_at)) / 2) AS at
FROM warehouse.fact_sales;

INSERT INTO core.customer_history (id, effective_at, name, email, registration_date, country,
                                   row_hash, source_modified_at, source_version_id, source_run_id)
SELECT customer_id, at, '', email_domain, registration_date,
       CASE country WHEN 'DE' THEN 'FR' ELSE 'DE' END, '', '-infinity', '', ''
FROM warehouse.dim_customer CROSS JOIN middle ORDER BY customer_id LIMIT 10;
INSERT INTO core.product_history (id, effective_at, name, category, price, supplier, row_hash,
                                  source_modified_at, source_version_id, source_run_id)
SELECT product_id, at, name, category, price + 1, supplier, '', '-infinity', '', ''
FROM warehouse.dim_product CROSS JOIN middle ORDER BY product_id LIMIT 2;

INSERT INTO ops.dirty_entities (dataset, id, since)
SELECT 'customers', id, at FROM core.customer_history JOIN middle ON effective_at = at
UNION ALL
SELECT 'products', id, at FROM core.product_history JOIN middle ON effective_at = at;
INSERT INTO ops.dirty_dates (event_date) SELECT (at AT TIME ZONE 'UTC')::date FROM middle;

ANALYZE core.customer_history, core.product_history, core.transactions, ops.dirty_entities;
