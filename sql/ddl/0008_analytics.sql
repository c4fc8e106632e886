-- What the questions under sql/analytics/ read besides the star and its aggregates: views that are
-- kept up to date by the versions of their inputs, and the answers that were given last.

-- Every table of the warehouse has a version that counts the transactions that changed it. The
-- count is kept by triggers, so no way of changing a table can forget it.
CREATE TABLE ops.data_versions (
    table_name text PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE ops.data_versions IS 'How often each table and materialised view of the warehouse has changed; views are refreshed and answers are kept by these versions';
COMMENT ON COLUMN ops.data_versions.table_name IS 'schema and name of the table or materialised view';
COMMENT ON COLUMN ops.data_versions.version IS 'number of transactions that changed it; only ever grows';
COMMENT ON COLUMN ops.data_versions.changed_in IS 'transaction of the latest change: a transaction counts once';
COMMENT ON COLUMN ops.data_versions.changed_at IS 'moment of the latest change';

CREATE FUNCTION ops.count_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ops.data_versions AS v (table_name)
    VALUES (format('%I.%I', tg_table_schema, tg_table_name))
    ON CONFLICT (table_name) DO UPDATE
        SET version = v.version + 1,
            changed_in = excluded.changed_in,
            changed_at = excluded.changed_at
        WHERE v.changed_in <> excluded.changed_in;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION ops.count_change() IS 'Trigger: counts a change of its table in ops.data_versions';

-- A statement that names a partitioned table fires the trigger of that table, not of its parts.
DO $$
DECLARE
    counted text;
BEGIN
    FOR counted IN
        SELECT format('%I.%I', 'warehouse', relname) FROM pg_class
        WHERE relnamespace = 'warehouse'::regnamespace AND relkind IN ('r', 'p')
          AND NOT relispartition
    LOOP
        EXECUTE format(
            'CREATE TRIGGER count_change
             AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
             FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change()', counted);
        INSERT INTO ops.data_versions (table_name) VALUES (counted);
    END LOOP;
END
$$;

-- Plain views: the star with its keys resolved.

CREATE VIEW warehouse.sales AS
SELECT
    f.transaction_id,
    f.sold_at,
    d.date AS event_date,
    c.customer_id,
    c.country,
    p.product_id,
    p.name AS product,
    p.category,
    p.supplier,
    f.quantity,
    f.unit_price,
    f.amount
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_date AS d USING (date_key)
JOIN warehouse.dim_customer AS c USING (customer_key)
JOIN warehouse.dim_product AS p USING (product_key);

COMMENT ON VIEW warehouse.sales IS 'Every sale with its customer and product as they were at its moment';
COMMENT ON COLUMN warehouse.sales.transaction_id IS 'number of the transaction in the source';
COMMENT ON COLUMN warehouse.sales.sold_at IS 'moment of the sale';
COMMENT ON COLUMN warehouse.sales.event_date IS 'day of the sale, UTC';
COMMENT ON COLUMN warehouse.sales.customer_id IS 'number of the customer';
COMMENT ON COLUMN warehouse.sales.country IS 'country of residence then, ISO 3166-1 alpha-2; absent for an inferred member';
COMMENT ON COLUMN warehouse.sales.product_id IS 'number of the product';
COMMENT ON COLUMN warehouse.sales.product IS 'name of the product then; absent for an inferred member';
COMMENT ON COLUMN warehouse.sales.category IS 'category then; absent for an inferred member';
COMMENT ON COLUMN warehouse.sales.supplier IS 'supplier then; absent for an inferred member';
COMMENT ON COLUMN warehouse.sales.quantity IS 'units sold';
COMMENT ON COLUMN warehouse.sales.unit_price IS 'price per unit then; absent while it is not known';
COMMENT ON COLUMN warehouse.sales.amount IS 'quantity at unit_price; absent while the price is not known';

CREATE VIEW warehouse.business_zone AS
SELECT coalesce(max(time_zone), 'UTC') AS time_zone FROM ops.business_time;

COMMENT ON VIEW warehouse.business_zone IS 'Time zone whose days, weeks and months the aggregates and views follow; one row';
COMMENT ON COLUMN warehouse.business_zone.time_zone IS 'IANA name of the zone';

CREATE VIEW warehouse.current_customers AS
SELECT customer_id, email_domain, registration_date, country, is_inferred, valid_from
FROM warehouse.dim_customer
WHERE is_current;

COMMENT ON VIEW warehouse.current_customers IS 'Every customer as of today';
COMMENT ON COLUMN warehouse.current_customers.customer_id IS 'number of the customer';
COMMENT ON COLUMN warehouse.current_customers.email_domain IS 'part of the e-mail address after the @';
COMMENT ON COLUMN warehouse.current_customers.registration_date IS 'day the account was opened';
COMMENT ON COLUMN warehouse.current_customers.country IS 'country of residence, ISO 3166-1 alpha-2';
COMMENT ON COLUMN warehouse.current_customers.is_inferred IS 'known only because a sale names it';
COMMENT ON COLUMN warehouse.current_customers.valid_from IS 'moment from which this version holds';

CREATE VIEW warehouse.current_products AS
SELECT product_id, name, category, supplier, price, is_inferred, valid_from
FROM warehouse.dim_product
WHERE is_current;

COMMENT ON VIEW warehouse.current_products IS 'Every product as of today';
COMMENT ON COLUMN warehouse.current_products.product_id IS 'number of the product';
COMMENT ON COLUMN warehouse.current_products.name IS 'name in the shop';
COMMENT ON COLUMN warehouse.current_products.category IS 'category in the shop';
COMMENT ON COLUMN warehouse.current_products.supplier IS 'name of the supplier';
COMMENT ON COLUMN warehouse.current_products.price IS 'list price per unit in the shop''s currency';
COMMENT ON COLUMN warehouse.current_products.is_inferred IS 'known only because a sale names it';
COMMENT ON COLUMN warehouse.current_products.valid_from IS 'moment from which this version holds';

-- Materialised views: small answers to questions that would read every sale. Each has a unique
-- index, so that it is refreshed while it is read. Days and months are those of the business time
-- zone; when it changes, everything is computed anew, and so are they.

CREATE MATERIALIZED VIEW warehouse.country_sales AS
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date AS month_start,
    coalesce(c.country::text, 'unknown') AS country,
    count(*) AS transactions,
    count(f.amount) AS priced_transactions,
    coalesce(sum(f.amount), 0)::numeric(18, 2) AS revenue
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_customer AS c USING (customer_key)
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

CREATE UNIQUE INDEX country_sales_key ON warehouse.country_sales (month_start, country);

COMMENT ON MATERIALIZED VIEW warehouse.country_sales IS 'Sales per month and country of the customer at the moment of the sale';
COMMENT ON COLUMN warehouse.country_sales.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.country_sales.country IS 'ISO 3166-1 alpha-2, or ''unknown'' while the customer is an inferred member';
COMMENT ON COLUMN warehouse.country_sales.transactions IS 'number of sales';
COMMENT ON COLUMN warehouse.country_sales.priced_transactions IS 'number of sales whose price is known';
COMMENT ON COLUMN warehouse.country_sales.revenue IS 'each sale at the price that was valid at its moment';

CREATE MATERIALIZED VIEW warehouse.category_sales AS
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date AS month_start,
    coalesce(p.category, 'unknown') AS category,
    count(*) AS transactions,
    sum(f.quantity) AS units,
    coalesce(sum(f.amount), 0)::numeric(18, 2) AS revenue
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_product AS p USING (product_key)
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

CREATE UNIQUE INDEX category_sales_key ON warehouse.category_sales (month_start, category);

COMMENT ON MATERIALIZED VIEW warehouse.category_sales IS 'Sales per month and category of the product at the moment of the sale';
COMMENT ON COLUMN warehouse.category_sales.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.category_sales.category IS 'category, or ''unknown'' while the product is an inferred member';
COMMENT ON COLUMN warehouse.category_sales.transactions IS 'number of sales';
COMMENT ON COLUMN warehouse.category_sales.units IS 'units sold';
COMMENT ON COLUMN warehouse.category_sales.revenue IS 'each sale at the price that was valid at its moment';

CREATE MATERIALIZED VIEW warehouse.supplier_sales AS
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date AS month_start,
    coalesce(p.supplier, 'unknown') AS supplier,
    count(*) AS transactions,
    sum(f.quantity) AS units,
    coalesce(sum(f.amount), 0)::numeric(18, 2) AS revenue
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_product AS p USING (product_key)
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

CREATE UNIQUE INDEX supplier_sales_key ON warehouse.supplier_sales (month_start, supplier);

COMMENT ON MATERIALIZED VIEW warehouse.supplier_sales IS 'Sales per month and supplier of the product at the moment of the sale';
COMMENT ON COLUMN warehouse.supplier_sales.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.supplier_sales.supplier IS 'name of the supplier, or ''unknown'' while the product is an inferred member';
COMMENT ON COLUMN warehouse.supplier_sales.transactions IS 'number of sales';
COMMENT ON COLUMN warehouse.supplier_sales.units IS 'units sold';
COMMENT ON COLUMN warehouse.supplier_sales.revenue IS 'each sale at the price that was valid at its moment';

-- A basket is all that a customer buys on one day: the source has no order number.

CREATE MATERIALIZED VIEW warehouse.basket_sizes AS
SELECT
    lines,
    count(*) AS baskets,
    sum(units) AS units,
    sum(revenue)::numeric(18, 2) AS revenue
FROM (
    SELECT count(*) AS lines, sum(f.quantity) AS units, coalesce(sum(f.amount), 0) AS revenue
    FROM warehouse.fact_sales AS f
    JOIN warehouse.dim_customer AS c USING (customer_key)
    CROSS JOIN warehouse.business_zone AS z
    GROUP BY c.customer_id, (f.sold_at AT TIME ZONE z.time_zone)::date
) AS basket
GROUP BY lines;

CREATE UNIQUE INDEX basket_sizes_key ON warehouse.basket_sizes (lines);

COMMENT ON MATERIALIZED VIEW warehouse.basket_sizes IS 'Baskets by their number of lines; a basket is all that a customer buys on one day';
COMMENT ON COLUMN warehouse.basket_sizes.lines IS 'transactions in the basket';
COMMENT ON COLUMN warehouse.basket_sizes.baskets IS 'baskets of that size';
COMMENT ON COLUMN warehouse.basket_sizes.units IS 'units in them';
COMMENT ON COLUMN warehouse.basket_sizes.revenue IS 'what they brought, each sale at the price valid at its moment';

CREATE MATERIALIZED VIEW warehouse.purchase_frequency AS
SELECT
    baskets,
    count(*) AS customers,
    sum(revenue)::numeric(18, 2) AS revenue
FROM (
    SELECT
        count(DISTINCT (f.sold_at AT TIME ZONE z.time_zone)::date) AS baskets,
        coalesce(sum(f.amount), 0) AS revenue
    FROM warehouse.fact_sales AS f
    JOIN warehouse.dim_customer AS c USING (customer_key)
    CROSS JOIN warehouse.business_zone AS z
    GROUP BY c.customer_id
) AS customer
GROUP BY baskets;

CREATE UNIQUE INDEX purchase_frequency_key ON warehouse.purchase_frequency (baskets);

COMMENT ON MATERIALIZED VIEW warehouse.purchase_frequency IS 'Customers by the number of baskets they have bought; a basket is all that a customer buys on one day';
COMMENT ON COLUMN warehouse.purchase_frequency.baskets IS 'days on which they bought';
COMMENT ON COLUMN warehouse.purchase_frequency.customers IS 'customers who bought that often';
COMMENT ON COLUMN warehouse.purchase_frequency.revenue IS 'what they spent, each sale at the price valid at its moment';

CREATE MATERIALIZED VIEW warehouse.cohort_activity AS
SELECT
    cohort_month,
    (12 * (extract(year FROM month_start) - extract(year FROM cohort_month))
     + extract(month FROM month_start) - extract(month FROM cohort_month))::integer AS month_number,
    count(*) AS customers,
    coalesce(sum(revenue), 0)::numeric(18, 2) AS revenue
FROM (
    SELECT
        month_start,
        min(month_start) OVER (PARTITION BY customer_id) AS cohort_month,
        revenue
    FROM (
        SELECT
            c.customer_id,
            date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date AS month_start,
            sum(f.amount) AS revenue
        FROM warehouse.fact_sales AS f
        JOIN warehouse.dim_customer AS c USING (customer_key)
        CROSS JOIN warehouse.business_zone AS z
        GROUP BY 1, 2
    ) AS customer_month
) AS activity
GROUP BY 1, 2;

CREATE UNIQUE INDEX cohort_activity_key ON warehouse.cohort_activity (cohort_month, month_number);

COMMENT ON MATERIALIZED VIEW warehouse.cohort_activity IS 'Customers who bought, by the month of their first purchase and the months since';
COMMENT ON COLUMN warehouse.cohort_activity.cohort_month IS 'first day of the month of the first purchase';
COMMENT ON COLUMN warehouse.cohort_activity.month_number IS 'months since then; 0 is the month of the first purchase';
COMMENT ON COLUMN warehouse.cohort_activity.customers IS 'customers of the cohort who bought in that month';
COMMENT ON COLUMN warehouse.cohort_activity.revenue IS 'what they spent in that month, each sale at the price valid at its moment';

-- A visit reaches a step when it has the step's event or one of a later step.

CREATE MATERIALIZED VIEW warehouse.session_funnel AS
SELECT
    date_trunc('month', f.started_at AT TIME ZONE z.time_zone)::date AS month_start,
    f.device,
    count(*) AS sessions,
    count(*) FILTER (WHERE f.product_views + f.cart_adds + f.checkouts + f.purchases > 0) AS viewed,
    count(*) FILTER (WHERE f.cart_adds + f.checkouts + f.purchases > 0) AS carted,
    count(*) FILTER (WHERE f.checkouts + f.purchases > 0) AS checked_out,
    count(*) FILTER (WHERE f.purchases > 0) AS purchased
FROM warehouse.fact_sessions AS f
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

CREATE UNIQUE INDEX session_funnel_key ON warehouse.session_funnel (month_start, device);

COMMENT ON MATERIALIZED VIEW warehouse.session_funnel IS 'How far visits got, per month of their begin and device';
COMMENT ON COLUMN warehouse.session_funnel.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.session_funnel.device IS 'kind of device';
COMMENT ON COLUMN warehouse.session_funnel.sessions IS 'visits';
COMMENT ON COLUMN warehouse.session_funnel.viewed IS 'visits that saw a product or got further';
COMMENT ON COLUMN warehouse.session_funnel.carted IS 'visits that put something into the cart or got further';
COMMENT ON COLUMN warehouse.session_funnel.checked_out IS 'visits that began to pay or got further';
COMMENT ON COLUMN warehouse.session_funnel.purchased IS 'visits that ended in a purchase';

-- The ten best customers come from the index, however many there are.
CREATE INDEX customer_lifetime_value_revenue
    ON warehouse.customer_lifetime_value (revenue DESC, transactions DESC, customer_id);

-- What each materialised view is made of, read from the catalogue: views in between are followed
-- to their tables. Tables outside the warehouse are not counted and not listed.
CREATE VIEW ops.view_inputs AS
WITH RECURSIVE uses AS (
    SELECT v.oid AS view_oid, d.refobjid AS input_oid
    FROM pg_class AS v
    JOIN pg_rewrite AS r ON r.ev_class = v.oid
    JOIN pg_depend AS d
        ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
       AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
    WHERE v.relkind = 'm' AND v.relnamespace = 'warehouse'::regnamespace
    UNION
    SELECT u.view_oid, d.refobjid
    FROM uses AS u
    JOIN pg_rewrite AS r ON r.ev_class = u.input_oid
    JOIN pg_depend AS d
        ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
       AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> u.input_oid
)
SELECT
    format('%I.%I', view_schema.nspname, seen.relname) AS view_name,
    format('%I.%I', input_schema.nspname, input.relname) AS table_name
FROM uses
JOIN pg_class AS seen ON seen.oid = view_oid
JOIN pg_namespace AS view_schema ON view_schema.oid = seen.relnamespace
JOIN pg_class AS input ON input.oid = input_oid
JOIN pg_namespace AS input_schema ON input_schema.oid = input.relnamespace
WHERE input.relkind IN ('r', 'p', 'm');

COMMENT ON VIEW ops.view_inputs IS 'The tables and materialised views each materialised view of the warehouse reads, directly or through views';
COMMENT ON COLUMN ops.view_inputs.view_name IS 'schema and name of the materialised view';
COMMENT ON COLUMN ops.view_inputs.table_name IS 'schema and name of what it reads';

CREATE TABLE ops.view_refreshes (
    view_name text PRIMARY KEY,
    inputs jsonb NOT NULL,
    refreshed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms double precision NOT NULL
);

COMMENT ON TABLE ops.view_refreshes IS 'The latest refresh of each materialised view of the warehouse';
COMMENT ON COLUMN ops.view_refreshes.view_name IS 'schema and name of the view';
COMMENT ON COLUMN ops.view_refreshes.inputs IS 'version of each table it reads, just before the refresh';
COMMENT ON COLUMN ops.view_refreshes.refreshed_at IS 'end of the refresh';
COMMENT ON COLUMN ops.view_refreshes.duration_ms IS 'how long it took, in milliseconds';

-- The versions are read before the refresh: a change in between is refreshed once more by the next
-- call, and never missed.
-- Sorts and groups of all sales deserve more memory than the questions of many users at once.
CREATE FUNCTION ops.refresh_views() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' AS $$
DECLARE
    stale record;
    began timestamptz;
    refreshed integer := 0;
BEGIN
    FOR stale IN
        SELECT i.view_name, jsonb_object_agg(i.table_name, v.version) AS inputs
        FROM ops.view_inputs AS i
        JOIN ops.data_versions AS v USING (table_name)
        GROUP BY i.view_name
        EXCEPT
        SELECT view_name, inputs FROM ops.view_refreshes
        ORDER BY view_name
    LOOP
        began := clock_timestamp();
        EXECUTE 'REFRESH MATERIALIZED VIEW CONCURRENTLY ' || stale.view_name;
        INSERT INTO ops.view_refreshes AS r (view_name, inputs, duration_ms)
        VALUES (stale.view_name, stale.inputs,
                1000 * extract(epoch FROM clock_timestamp() - began))
        ON CONFLICT (view_name) DO UPDATE
            SET inputs = excluded.inputs, refreshed_at = excluded.refreshed_at,
                duration_ms = excluded.duration_ms;
        INSERT INTO ops.data_versions AS v (table_name) VALUES (stale.view_name)
        ON CONFLICT (table_name) DO UPDATE
            SET version = v.version + 1, changed_in = excluded.changed_in,
                changed_at = excluded.changed_at;
        refreshed := refreshed + 1;
    END LOOP;
    RETURN refreshed;
END
$$;

COMMENT ON FUNCTION ops.refresh_views() IS 'Refreshes each materialised view of the warehouse whose inputs have changed since its last refresh; how many those were';

-- What the report answered last, and on which versions of what it read. An answer is given again
-- only while the question and all of these versions are the same.
CREATE TABLE ops.report_cache (
    question text PRIMARY KEY,
    checksum text NOT NULL,
    inputs jsonb NOT NULL,
    answer jsonb NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms double precision NOT NULL
);

COMMENT ON TABLE ops.report_cache IS 'The latest answer to each question of sql/analytics/';
COMMENT ON COLUMN ops.report_cache.question IS 'name of the question''s file';
COMMENT ON COLUMN ops.report_cache.checksum IS 'SHA-256 of its SQL, hexadecimal';
COMMENT ON COLUMN ops.report_cache.inputs IS 'version of each table and view it reads, in the snapshot that answered';
COMMENT ON COLUMN ops.report_cache.answer IS 'names of the columns, and the rows as Postgres writes them';
COMMENT ON COLUMN ops.report_cache.answered_at IS 'moment of the answer';
COMMENT ON COLUMN ops.report_cache.duration_ms IS 'how long the answer took, in milliseconds';
