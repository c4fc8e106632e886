-- The star schema proper: a dimension of payment methods, facts partitioned by month, sessions of
-- the clickstream as facts of their own, and what transform remembers about itself.
-- The old fact table is replaced within the transaction, and nobody but the pipeline names it:
-- squawk-ignore-file ban-drop-table, renaming-table

-- Payment methods -----------------------------------------------------------------------------
CREATE TABLE warehouse.dim_payment_method (
    payment_method_key smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_method text NOT NULL UNIQUE
);

INSERT INTO warehouse.dim_payment_method (payment_method)
SELECT name FROM core.payment_methods
UNION SELECT payment_method FROM warehouse.fact_sales
UNION SELECT unnest(ARRAY['apple_pay', 'bank_transfer', 'credit_card', 'debit_card', 'gift_card',
                          'paypal'])
ORDER BY 1;

-- Versions are told apart by their tracked attributes alone: names of products and registration
-- dates of customers are type 1 from now on. The first transform afterwards merges the versions.
UPDATE warehouse.dim_customer
SET row_hash = sha256(convert_to(jsonb_build_array(email_domain, country)::text, 'UTF8'))
WHERE NOT is_inferred;
UPDATE warehouse.dim_product
SET row_hash = sha256(convert_to(jsonb_build_array(category, supplier, price)::text, 'UTF8'))
WHERE NOT is_inferred;

-- The end of a version changes once in its life. Where no index holds it and the page has room, that
-- is an update in place that touches no index; the key on (id, valid_from) finds the current version
-- as well, and quality checks that there is one.
DROP INDEX warehouse.dim_customer_current, warehouse.dim_product_current;
ALTER TABLE warehouse.dim_customer SET (fillfactor = 80);
ALTER TABLE warehouse.dim_product SET (fillfactor = 80);

-- Partitions ----------------------------------------------------------------------------------
-- Creates the monthly partitions of a fact table that some dates need. A row that was written
-- before its partition existed waits in the default partition and moves. When a long query holds
-- the default partition, the call gives up: rows then wait there until the next one.
CREATE FUNCTION warehouse.create_month_partitions(fact text, dates date[]) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    first_day date;
    bounds text;
    part text;
    created integer := 0;
BEGIN
    FOR first_day IN SELECT DISTINCT date_trunc('month', d)::date FROM unnest(dates) AS d ORDER BY 1
    LOOP
        part := fact || to_char(first_day, '"_"YYYY"_"MM');
        CONTINUE WHEN to_regclass(format('warehouse.%I', part)) IS NOT NULL;
        bounds := format('date_key >= %s AND date_key < %s', to_char(first_day, 'YYYYMMDD'),
                         to_char(first_day + interval '1 month', 'YYYYMMDD'));
        EXECUTE format('CREATE TABLE warehouse.%I (LIKE warehouse.%I INCLUDING DEFAULTS)', part, fact);
        EXECUTE format('WITH moved AS (DELETE FROM warehouse.%I WHERE %s RETURNING *)
                        INSERT INTO warehouse.%I SELECT * FROM moved',
                       fact || '_default', bounds, part);
        EXECUTE format('ALTER TABLE warehouse.%I ATTACH PARTITION warehouse.%I FOR VALUES FROM (%s) TO (%s)',
                       fact, part, to_char(first_day, 'YYYYMMDD'),
                       to_char(first_day + interval '1 month', 'YYYYMMDD'));
        created := created + 1;
    END LOOP;
    RETURN created;
EXCEPTION WHEN lock_not_available THEN
    RAISE NOTICE 'partitions of % are in use and are created later', fact;
    RETURN 0;
END $$;

-- Sales ---------------------------------------------------------------------------------------
ALTER TABLE warehouse.fact_sales RENAME TO fact_sales_unpartitioned;

CREATE TABLE warehouse.fact_sales (
    transaction_id bigint NOT NULL,
    date_key integer NOT NULL,
    customer_key bigint NOT NULL,
    product_key bigint NOT NULL,
    payment_method_key smallint NOT NULL,
    sold_at timestamptz NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(10, 2),
    amount numeric(18, 2)
) PARTITION BY RANGE (date_key);

CREATE TABLE warehouse.fact_sales_default PARTITION OF warehouse.fact_sales DEFAULT;

SELECT warehouse.create_month_partitions('fact_sales', ARRAY(
    SELECT date FROM warehouse.dim_date AS d
    WHERE EXISTS (SELECT FROM warehouse.fact_sales_unpartitioned AS f WHERE f.date_key = d.date_key)));

INSERT INTO warehouse.fact_sales
SELECT f.transaction_id, f.date_key, f.customer_key, f.product_key, m.payment_method_key, f.sold_at,
       f.quantity, f.unit_price, f.amount
FROM warehouse.fact_sales_unpartitioned AS f
JOIN warehouse.dim_payment_method AS m USING (payment_method);

DROP TABLE warehouse.fact_sales_unpartitioned;

-- The key begins with the date, since facts are replaced by date. The other two find the facts of
-- a version of a customer or product from a moment on, which a late change re-keys.
ALTER TABLE warehouse.fact_sales
    ADD CONSTRAINT fact_sales_pkey PRIMARY KEY (date_key, transaction_id);
CREATE INDEX fact_sales_customer ON warehouse.fact_sales (customer_key, sold_at);
CREATE INDEX fact_sales_product ON warehouse.fact_sales (product_key, sold_at);
-- Deferrable: a version may go before its facts have got their new one, within a transaction.
ALTER TABLE warehouse.fact_sales
    ADD CONSTRAINT fact_sales_date_fkey FOREIGN KEY (date_key)
        REFERENCES warehouse.dim_date (date_key),
    ADD CONSTRAINT fact_sales_customer_fkey FOREIGN KEY (customer_key)
        REFERENCES warehouse.dim_customer (customer_key) DEFERRABLE,
    ADD CONSTRAINT fact_sales_product_fkey FOREIGN KEY (product_key)
        REFERENCES warehouse.dim_product (product_key) DEFERRABLE,
    ADD CONSTRAINT fact_sales_payment_method_fkey FOREIGN KEY (payment_method_key)
        REFERENCES warehouse.dim_payment_method (payment_method_key);

-- Sessions ------------------------------------------------------------------------------------
CREATE TABLE warehouse.fact_sessions (
    session_id text NOT NULL,
    date_key integer NOT NULL,
    end_date_key integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    duration_seconds bigint NOT NULL,
    customer_id bigint,
    customer_key bigint,
    device text NOT NULL,
    country text NOT NULL,
    events bigint NOT NULL,
    page_views bigint NOT NULL,
    product_views bigint NOT NULL,
    searches bigint NOT NULL,
    cart_adds bigint NOT NULL,
    checkouts bigint NOT NULL,
    purchases bigint NOT NULL,
    is_purchase boolean NOT NULL,
    transaction_id bigint,
    CONSTRAINT fact_sessions_pkey PRIMARY KEY (date_key, session_id),
    CONSTRAINT fact_sessions_date_fkey FOREIGN KEY (date_key)
        REFERENCES warehouse.dim_date (date_key),
    CONSTRAINT fact_sessions_end_date_fkey FOREIGN KEY (end_date_key)
        REFERENCES warehouse.dim_date (date_key),
    CONSTRAINT fact_sessions_customer_fkey FOREIGN KEY (customer_key)
        REFERENCES warehouse.dim_customer (customer_key) DEFERRABLE
) PARTITION BY RANGE (date_key);

CREATE TABLE warehouse.fact_sessions_default PARTITION OF warehouse.fact_sessions DEFAULT;

CREATE INDEX fact_sessions_session ON warehouse.fact_sessions (session_id);
CREATE INDEX fact_sessions_customer ON warehouse.fact_sessions (customer_key, started_at);
-- Sessions over midnight, and those of customers nobody knows yet: few of many.
CREATE INDEX fact_sessions_overnight ON warehouse.fact_sessions (date_key, end_date_key)
    WHERE end_date_key <> date_key;
CREATE INDEX fact_sessions_unknown ON warehouse.fact_sessions (customer_id)
    WHERE customer_key IS NULL AND customer_id IS NOT NULL;

-- What transform remembers ----------------------------------------------------------------------
-- What the transform of a run did: a repeated call gives the same answer.
CREATE TABLE ops.transforms (
    run_id text PRIMARY KEY,
    touched_dates bigint NOT NULL,
    fact_rows bigint NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Silver is committed before gold is written. Of a file that is taken for the first time, only what
-- changed silver matters to gold; after an attempt that died, everything in it may.
ALTER TABLE ops.lake_queue ADD COLUMN attempted_at timestamptz;

-- Sessions whose customer got another version since they were computed.
CREATE TABLE ops.dirty_sessions (
    session_id text PRIMARY KEY,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The zone whose days, weeks and months the aggregates were computed for; one row. Without it, or
-- when the configuration names another one, transform rebuilds everything.
CREATE TABLE ops.business_time (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    time_zone text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE ops.transforms IS 'What the transform of each run did, so that a repeated call gives the same answer';
COMMENT ON COLUMN ops.transforms.run_id IS 'Run';
COMMENT ON COLUMN ops.transforms.touched_dates IS 'Event dates that were recomputed';
COMMENT ON COLUMN ops.transforms.fact_rows IS 'Rows of fact_sales that were written';
COMMENT ON COLUMN ops.transforms.finished_at IS 'When its latest call with work to do ended';
COMMENT ON COLUMN ops.lake_queue.attempted_at IS 'When a transform first took the file, before it wrote anything';
COMMENT ON TABLE ops.dirty_sessions IS 'Sessions whose customer got another version since they were computed';
COMMENT ON COLUMN ops.dirty_sessions.session_id IS 'Session number';
COMMENT ON COLUMN ops.dirty_sessions.marked_at IS 'When it was marked';
COMMENT ON TABLE ops.business_time IS 'Time zone the published aggregates were computed for; one row';
COMMENT ON COLUMN ops.business_time.only_row IS 'Always true';
COMMENT ON COLUMN ops.business_time.time_zone IS 'IANA name of the zone';
COMMENT ON COLUMN ops.business_time.since IS 'When the aggregates were first computed for it';

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON TABLE warehouse.dim_date IS 'One row per calendar day, from 2000 to 2049 and every other day that has facts';
COMMENT ON COLUMN warehouse.dim_date.date_key IS 'The day as yyyymmdd';
COMMENT ON COLUMN warehouse.dim_date.date IS 'The day';
COMMENT ON COLUMN warehouse.dim_date.year IS 'Year';
COMMENT ON COLUMN warehouse.dim_date.quarter IS 'Quarter, 1 to 4';
COMMENT ON COLUMN warehouse.dim_date.month IS 'Month, 1 to 12';
COMMENT ON COLUMN warehouse.dim_date.month_name IS 'English name of the month';
COMMENT ON COLUMN warehouse.dim_date.iso_year IS 'Year the ISO week belongs to';
COMMENT ON COLUMN warehouse.dim_date.iso_week IS 'ISO week, 1 to 53';
COMMENT ON COLUMN warehouse.dim_date.day_of_month IS 'Day of the month, 1 to 31';
COMMENT ON COLUMN warehouse.dim_date.day_of_week IS 'Day of the week, 1 Monday to 7 Sunday';
COMMENT ON COLUMN warehouse.dim_date.day_name IS 'English name of the day';
COMMENT ON COLUMN warehouse.dim_date.is_weekend IS 'True on Saturday and Sunday';

COMMENT ON TABLE warehouse.dim_customer IS 'Customers with their history: one row per version (SCD type 2), without personal data';
COMMENT ON COLUMN warehouse.dim_customer.customer_key IS 'Surrogate key of the version';
COMMENT ON COLUMN warehouse.dim_customer.customer_id IS 'Customer number (business key)';
COMMENT ON COLUMN warehouse.dim_customer.email_domain IS 'Domain of the e-mail address; type 2';
COMMENT ON COLUMN warehouse.dim_customer.registration_date IS
    'Day the account was opened; type 1, the latest known value in every version';
COMMENT ON COLUMN warehouse.dim_customer.country IS
    'Country of residence, ISO 3166-1 alpha-2; type 2';
COMMENT ON COLUMN warehouse.dim_customer.is_inferred IS
    'True while the member is only known because a fact names it';
COMMENT ON COLUMN warehouse.dim_customer.valid_from IS
    'Begin of the version, inclusive; -infinity for the first one';
COMMENT ON COLUMN warehouse.dim_customer.valid_to IS
    'End of the version, exclusive; infinity for the current one';
COMMENT ON COLUMN warehouse.dim_customer.is_current IS 'True for the version that is valid now';
COMMENT ON COLUMN warehouse.dim_customer.row_hash IS 'SHA-256 of the tracked (type 2) attributes';

COMMENT ON TABLE warehouse.dim_product IS 'Products with their history: one row per version (SCD type 2)';
COMMENT ON COLUMN warehouse.dim_product.product_key IS 'Surrogate key of the version';
COMMENT ON COLUMN warehouse.dim_product.product_id IS 'Product number (business key)';
COMMENT ON COLUMN warehouse.dim_product.name IS
    'Name in the shop; type 1, the latest known value in every version';
COMMENT ON COLUMN warehouse.dim_product.category IS 'Category in the shop; type 2';
COMMENT ON COLUMN warehouse.dim_product.supplier IS 'Supplier; type 2';
COMMENT ON COLUMN warehouse.dim_product.price IS
    'List price per unit in the currency of the shop; type 2';
COMMENT ON COLUMN warehouse.dim_product.is_inferred IS
    'True while the member is only known because a fact names it';
COMMENT ON COLUMN warehouse.dim_product.valid_from IS
    'Begin of the version, inclusive; -infinity for the first one';
COMMENT ON COLUMN warehouse.dim_product.valid_to IS
    'End of the version, exclusive; infinity for the current one';
COMMENT ON COLUMN warehouse.dim_product.is_current IS 'True for the version that is valid now';
COMMENT ON COLUMN warehouse.dim_product.row_hash IS 'SHA-256 of the tracked (type 2) attributes';

COMMENT ON TABLE warehouse.dim_payment_method IS 'Ways to pay';
COMMENT ON COLUMN warehouse.dim_payment_method.payment_method_key IS 'Surrogate key';
COMMENT ON COLUMN warehouse.dim_payment_method.payment_method IS 'Name, as in the source';

COMMENT ON TABLE warehouse.fact_sales IS 'Sales: one row per transaction line, priced as of the sale; partitioned by month of date_key';
COMMENT ON COLUMN warehouse.fact_sales.transaction_id IS
    'Transaction number (degenerate dimension)';
COMMENT ON COLUMN warehouse.fact_sales.date_key IS 'UTC date of the sale';
COMMENT ON COLUMN warehouse.fact_sales.customer_key IS
    'Version of the customer at the moment of sale';
COMMENT ON COLUMN warehouse.fact_sales.product_key IS
    'Version of the product at the moment of sale';
COMMENT ON COLUMN warehouse.fact_sales.payment_method_key IS 'How it was paid';
COMMENT ON COLUMN warehouse.fact_sales.sold_at IS 'Moment of the sale';
COMMENT ON COLUMN warehouse.fact_sales.quantity IS 'Units sold';
COMMENT ON COLUMN warehouse.fact_sales.unit_price IS
    'Price per unit at the moment of sale; null while the product is inferred';
COMMENT ON COLUMN warehouse.fact_sales.amount IS
    'quantity x unit_price; null while the price is unknown';

COMMENT ON TABLE warehouse.fact_sessions IS 'Visits to the shop: one row per session of the clickstream; partitioned by month of date_key';
COMMENT ON COLUMN warehouse.fact_sessions.session_id IS 'Session number (degenerate dimension)';
COMMENT ON COLUMN warehouse.fact_sessions.date_key IS 'UTC date of the first event';
COMMENT ON COLUMN warehouse.fact_sessions.end_date_key IS 'UTC date of the last event';
COMMENT ON COLUMN warehouse.fact_sessions.started_at IS 'Moment of the first event';
COMMENT ON COLUMN warehouse.fact_sessions.ended_at IS 'Moment of the last event';
COMMENT ON COLUMN warehouse.fact_sessions.duration_seconds IS
    'Whole seconds from the first to the last event';
COMMENT ON COLUMN warehouse.fact_sessions.customer_id IS
    'Customer number, if the visitor signed in; the lowest one if several did';
COMMENT ON COLUMN warehouse.fact_sessions.customer_key IS
    'Version of that customer at the start; null while nobody signed in or the customer is unknown';
COMMENT ON COLUMN warehouse.fact_sessions.device IS 'Kind of device of the first event';
COMMENT ON COLUMN warehouse.fact_sessions.country IS
    'Country of the visitor at the first event, ISO 3166-1 alpha-2';
COMMENT ON COLUMN warehouse.fact_sessions.events IS 'Events';
COMMENT ON COLUMN warehouse.fact_sessions.page_views IS 'Views of the front page and of categories';
COMMENT ON COLUMN warehouse.fact_sessions.product_views IS 'Views of products';
COMMENT ON COLUMN warehouse.fact_sessions.searches IS 'Searches';
COMMENT ON COLUMN warehouse.fact_sessions.cart_adds IS 'Products put into the cart';
COMMENT ON COLUMN warehouse.fact_sessions.checkouts IS 'Checkouts begun';
COMMENT ON COLUMN warehouse.fact_sessions.purchases IS 'Purchases';
COMMENT ON COLUMN warehouse.fact_sessions.is_purchase IS 'True when at least one purchase was made';
COMMENT ON COLUMN warehouse.fact_sessions.transaction_id IS
    'Transaction of the purchase, from its page address (the lowest one of several): the link to the revenue of the session in fact_sales';

COMMENT ON TABLE warehouse.daily_sales IS 'Sales per business day';
COMMENT ON COLUMN warehouse.daily_sales.event_date IS
    'Day, in the business time zone (business.time_zone)';
COMMENT ON COLUMN warehouse.daily_sales.transactions IS 'Sales';
COMMENT ON COLUMN warehouse.daily_sales.customers IS 'Different customers';
COMMENT ON COLUMN warehouse.daily_sales.units IS 'Units sold';
COMMENT ON COLUMN warehouse.daily_sales.revenue IS 'Sum of amount over priced sales';
COMMENT ON COLUMN warehouse.daily_sales.unpriced_transactions IS
    'Sales that wait for the price of their product';

COMMENT ON TABLE warehouse.weekly_sales IS 'Sales per business week';
COMMENT ON COLUMN warehouse.weekly_sales.week_start IS
    'Monday of the week, in the business time zone (business.time_zone)';
COMMENT ON COLUMN warehouse.weekly_sales.transactions IS 'Sales';
COMMENT ON COLUMN warehouse.weekly_sales.customers IS 'Different customers';
COMMENT ON COLUMN warehouse.weekly_sales.units IS 'Units sold';
COMMENT ON COLUMN warehouse.weekly_sales.revenue IS 'Sum of amount over priced sales';
COMMENT ON COLUMN warehouse.weekly_sales.unpriced_transactions IS
    'Sales that wait for the price of their product';

COMMENT ON TABLE warehouse.monthly_sales IS 'Sales per business month';
COMMENT ON COLUMN warehouse.monthly_sales.month_start IS
    'First day of the month, in the business time zone (business.time_zone)';
COMMENT ON COLUMN warehouse.monthly_sales.transactions IS 'Sales';
COMMENT ON COLUMN warehouse.monthly_sales.customers IS 'Different customers';
COMMENT ON COLUMN warehouse.monthly_sales.units IS 'Units sold';
COMMENT ON COLUMN warehouse.monthly_sales.revenue IS 'Sum of amount over priced sales';
COMMENT ON COLUMN warehouse.monthly_sales.unpriced_transactions IS
    'Sales that wait for the price of their product';

COMMENT ON TABLE warehouse.product_sales IS 'Sales per product over the whole history';
COMMENT ON COLUMN warehouse.product_sales.product_id IS 'Product number';
COMMENT ON COLUMN warehouse.product_sales.transactions IS 'Sales';
COMMENT ON COLUMN warehouse.product_sales.units IS 'Units sold';
COMMENT ON COLUMN warehouse.product_sales.revenue IS 'Sum of amount over priced sales';

COMMENT ON TABLE warehouse.customer_lifetime_value IS 'Historical value of each customer who ever bought';
COMMENT ON COLUMN warehouse.customer_lifetime_value.customer_id IS 'Customer number';
COMMENT ON COLUMN warehouse.customer_lifetime_value.first_purchase IS
    'Business day of the first sale';
COMMENT ON COLUMN warehouse.customer_lifetime_value.last_purchase IS
    'Business day of the latest sale';
COMMENT ON COLUMN warehouse.customer_lifetime_value.transactions IS 'Sales';
COMMENT ON COLUMN warehouse.customer_lifetime_value.revenue IS 'Sum of amount over priced sales';
COMMENT ON COLUMN warehouse.customer_lifetime_value.average_order_value IS 'revenue / transactions';
COMMENT ON COLUMN warehouse.customer_lifetime_value.projected_annual_value IS
    'revenue x 365 / days since the first purchase (at least 30), as of the latest sale of the shop';
