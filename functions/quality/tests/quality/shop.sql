-- Core: two customers, two products, four sales (see SALES).
INSERT INTO core.categories (name) VALUES ('books');
INSERT INTO core.suppliers (name) VALUES ('Supplier');
INSERT INTO core.payment_methods (name) VALUES ('paypal');
INSERT INTO core.customers (id, name, email, registration_date, country, row_hash, effective_at,
                            source_modified_at, source_version_id, source_run_id)
VALUES (1, 'Zoe', 'zoe@example.org', '2024-10-01', 'DE', 'h', '2026-01-10', '2026-01-10', 'v', 'run-1'),
       (2, 'Bo', 'bo@example.com', '2024-10-01', 'FR', 'h', '2026-01-10', '2026-01-10', 'v', 'run-1');
INSERT INTO core.products (id, name, category_id, price, supplier_id, row_hash, effective_at,
                           source_modified_at, source_version_id, source_run_id)
SELECT id, 'Product', category_id, price, supplier_id, 'h', '2026-01-10', '2026-01-10', 'v', 'run-1'
FROM (VALUES (1, 12.00), (2, 20.00)) AS p (id, price), core.categories, core.suppliers;
INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at, modified_at)
VALUES ('transactions', 'run-1', 'landing', 'incoming/transactions/t.csv', 'v', '2026-01-15',
        '2026-01-15');
INSERT INTO core.transactions (id, customer_id, product_id, quantity, "timestamp",
                               payment_method_id, row_hash, source_id)
SELECT t.id, customer_id, product_id, quantity, sold_at, payment_method_id, 0,
       (SELECT max(source_id) FROM core.sources)
FROM (VALUES (1, 1, 1, 2, timestamptz '2026-01-13T23:30:00Z'),
             (2, 2, 1, 1, '2026-01-14T12:00:00Z'),
             (3, 1, 2, 3, '2026-01-14T18:00:00Z'),
             (4, 1, 1, 1, '2026-01-15T01:00:00Z'))
     AS t (id, customer_id, product_id, quantity, sold_at), core.payment_methods;

-- Warehouse: the price of product 1 rose from 10 to 12 at the start of January 15.
INSERT INTO warehouse.dim_customer (customer_id, email_domain, country, is_inferred, valid_from,
                                    valid_to, is_current, row_hash)
VALUES (1, 'example.org', 'DE', false, '-infinity', 'infinity', true, 'h'),
       (2, 'example.com', 'FR', false, '-infinity', 'infinity', true, 'h');
INSERT INTO warehouse.dim_product (product_id, name, category, supplier, price, is_inferred,
                                   valid_from, valid_to, is_current, row_hash)
VALUES (1, 'Product', 'books', 'Supplier', 10, false, '-infinity', '2026-01-15T00:00:00Z', false, 'h'),
       (1, 'Product', 'books', 'Supplier', 12, false, '2026-01-15T00:00:00Z', 'infinity', true, 'h'),
       (2, 'Product', 'books', 'Supplier', 20, false, '-infinity', 'infinity', true, 'h');
INSERT INTO warehouse.fact_sales (transaction_id, date_key, customer_key, product_key,
                                  payment_method_key, sold_at, quantity, unit_price, amount)
SELECT t.id, to_char(t."timestamp" AT TIME ZONE 'UTC', 'YYYYMMDD')::integer, c.customer_key,
       p.product_key, m.payment_method_key, t."timestamp", t.quantity, p.price, t.quantity * p.price
FROM core.transactions AS t
JOIN warehouse.dim_payment_method AS m ON m.payment_method = 'paypal'
JOIN warehouse.dim_customer AS c ON c.customer_id = t.customer_id
JOIN warehouse.dim_product AS p ON p.product_id = t.product_id
 AND t."timestamp" >= p.valid_from AND t."timestamp" < p.valid_to;

INSERT INTO warehouse.daily_sales VALUES
    ('2026-01-13', 1, 1, 2, 20.00, 0, 1, 20.00, 0, 0),
    ('2026-01-14', 2, 2, 4, 70.00, 0, 2, 70.00, 0, 0),
    ('2026-01-15', 1, 1, 1, 12.00, 0, 1, 12.00, 0, 0);
INSERT INTO warehouse.weekly_sales VALUES ('2026-01-12', 4, 2, 7, 102.00, 0, 4, 102.00, 0, 0);
INSERT INTO warehouse.monthly_sales VALUES ('2026-01-01', 4, 2, 7, 102.00, 0, 4, 102.00, 0, 0);
INSERT INTO warehouse.product_sales VALUES (1, 3, 4, 42.00), (2, 1, 3, 60.00);
INSERT INTO warehouse.category_sales VALUES ('2026-01-01', 'books', 4, 7, 102.00);
INSERT INTO warehouse.payment_sales VALUES ('2026-01-01', 'paypal', 4, 4, 4, 102.00);
INSERT INTO warehouse.customer_lifetime_value VALUES
    (1, '2026-01-13', '2026-01-15', 3, 92.00, 30.67, 1119.33, 3),
    (2, '2026-01-14', '2026-01-14', 1, 10.00, 10.00, 121.67, 1);

-- The run's files are done.
INSERT INTO ops.lake_queue (run_id, dataset, part, entry, transformed_at, transformed_by,
                            rows_loaded, rows_unchanged)
VALUES ('run-1', 'customers', 0, '{}', now(), 'run-1', 2, 0),
       ('run-1', 'products', 1, '{}', now(), 'run-1', 3, 0),
       ('run-1', 'transactions', 2, '{}', now(), 'run-1', 4, 0);
