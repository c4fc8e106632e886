-- What load does with transactions: a later source wins, unknown members are inferred, touched
-- dates and moved rows are marked.
INSERT INTO core.payment_methods (name) VALUES ('paypal') ON CONFLICT DO NOTHING;
WITH added AS (
    INSERT INTO core.customers (id, is_inferred, effective_at, source_modified_at, source_version_id, source_run_id)
    SELECT DISTINCT customer_id, true, effective_at, effective_at, version, run_id FROM incoming
    WHERE customer_id IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO ops.dirty_entities (dataset, id) SELECT 'customers', id FROM added
ON CONFLICT (dataset, id) DO UPDATE SET marked_at = clock_timestamp();
WITH added AS (
    INSERT INTO core.products (id, is_inferred, effective_at, source_modified_at, source_version_id, source_run_id)
    SELECT DISTINCT product_id, true, effective_at, effective_at, version, run_id FROM incoming
    WHERE product_id IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO ops.dirty_entities (dataset, id) SELECT 'products', id FROM added
ON CONFLICT (dataset, id) DO UPDATE SET marked_at = clock_timestamp();
DELETE FROM incoming AS i USING core.transactions AS t JOIN core.sources AS s USING (source_id)
WHERE t.id = i.id AND (s.effective_at, s.version_id) > (i.effective_at, i.version);
INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at, modified_at)
SELECT DISTINCT 'transactions', run_id, 'landing', 'incoming/transactions/t.csv', version,
       effective_at, effective_at
FROM incoming;
INSERT INTO ops.dirty_dates (event_date)
SELECT (sold_at AT TIME ZONE 'UTC')::date FROM incoming
UNION
SELECT (t."timestamp" AT TIME ZONE 'UTC')::date FROM incoming JOIN core.transactions AS t USING (id)
ON CONFLICT (event_date) DO UPDATE SET marked_at = clock_timestamp();
INSERT INTO ops.moved_rows (id, from_date)
SELECT id, (t."timestamp" AT TIME ZONE 'UTC')::date FROM incoming JOIN core.transactions AS t USING (id)
WHERE (t."timestamp" AT TIME ZONE 'UTC')::date <> (sold_at AT TIME ZONE 'UTC')::date
ON CONFLICT (id, from_date) DO UPDATE SET moved_at = clock_timestamp();
INSERT INTO core.transactions (id, customer_id, product_id, quantity, "timestamp", payment_method_id,
    order_id, unit_price, discount, status, tax, shipping, currency, row_hash, source_id)
SELECT i.id, customer_id, product_id, quantity, sold_at, payment_method_id,
       order_id, unit_price, discount, status, tax, shipping, currency, 0,
       (SELECT max(s.source_id) FROM core.sources AS s
        WHERE s.run_id = i.run_id AND s.version_id = i.version AND s.effective_at = i.effective_at)
FROM incoming AS i LEFT JOIN core.payment_methods AS m ON m.name = i.method
ON CONFLICT (id) DO UPDATE SET customer_id = excluded.customer_id, product_id = excluded.product_id,
    quantity = excluded.quantity, "timestamp" = excluded."timestamp",
    payment_method_id = excluded.payment_method_id,
    order_id = excluded.order_id, unit_price = excluded.unit_price, discount = excluded.discount,
    status = excluded.status, tax = excluded.tax, shipping = excluded.shipping,
    currency = excluded.currency,
    source_id = excluded.source_id;
DROP TABLE incoming;
