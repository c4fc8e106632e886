-- The answers about all sales and visits are gold tables now, which transform computes and copies
-- here like the others: the materialised views of 0008 took Postgres many times as long. Their rows
-- stay until they are computed again. See docs/decisions/0036-answers-in-gold.md.
-- The tables take the names of the views, which are read under others until they are dropped:
-- squawk-ignore-file renaming-object

ALTER MATERIALIZED VIEW warehouse.country_sales RENAME TO country_sales_view;
ALTER MATERIALIZED VIEW warehouse.category_sales RENAME TO category_sales_view;
ALTER MATERIALIZED VIEW warehouse.supplier_sales RENAME TO supplier_sales_view;
ALTER MATERIALIZED VIEW warehouse.basket_sizes RENAME TO basket_sizes_view;
ALTER MATERIALIZED VIEW warehouse.purchase_frequency RENAME TO purchase_frequency_view;
ALTER MATERIALIZED VIEW warehouse.cohort_activity RENAME TO cohort_activity_view;
ALTER MATERIALIZED VIEW warehouse.session_funnel RENAME TO session_funnel_view;

CREATE TABLE warehouse.country_sales (
    month_start date NOT NULL,
    country text NOT NULL,
    transactions bigint NOT NULL,
    priced_transactions bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    CONSTRAINT country_sales_pkey PRIMARY KEY (month_start, country)
);
INSERT INTO warehouse.country_sales
    (month_start, country, transactions, priced_transactions, revenue)
SELECT month_start, country, transactions, priced_transactions, revenue
FROM warehouse.country_sales_view;

CREATE TABLE warehouse.category_sales (
    month_start date NOT NULL,
    category text NOT NULL,
    transactions bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    CONSTRAINT category_sales_pkey PRIMARY KEY (month_start, category)
);
INSERT INTO warehouse.category_sales (month_start, category, transactions, units, revenue)
SELECT month_start, category, transactions, units, revenue FROM warehouse.category_sales_view;

CREATE TABLE warehouse.supplier_sales (
    month_start date NOT NULL,
    supplier text NOT NULL,
    transactions bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    CONSTRAINT supplier_sales_pkey PRIMARY KEY (month_start, supplier)
);
INSERT INTO warehouse.supplier_sales (month_start, supplier, transactions, units, revenue)
SELECT month_start, supplier, transactions, units, revenue FROM warehouse.supplier_sales_view;

CREATE TABLE warehouse.basket_sizes (
    lines bigint PRIMARY KEY,
    baskets bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL
);
INSERT INTO warehouse.basket_sizes (lines, baskets, units, revenue)
SELECT lines, baskets, units, revenue FROM warehouse.basket_sizes_view;

CREATE TABLE warehouse.purchase_frequency (
    baskets bigint PRIMARY KEY,
    customers bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL
);
INSERT INTO warehouse.purchase_frequency (baskets, customers, revenue)
SELECT baskets, customers, revenue FROM warehouse.purchase_frequency_view;

CREATE TABLE warehouse.cohort_activity (
    cohort_month date NOT NULL,
    month_number bigint NOT NULL,
    customers bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    CONSTRAINT cohort_activity_pkey PRIMARY KEY (cohort_month, month_number)
);
INSERT INTO warehouse.cohort_activity (cohort_month, month_number, customers, revenue)
SELECT cohort_month, month_number, customers, revenue FROM warehouse.cohort_activity_view;

CREATE TABLE warehouse.session_funnel (
    month_start date NOT NULL,
    device text NOT NULL,
    sessions bigint NOT NULL,
    viewed bigint NOT NULL,
    carted bigint NOT NULL,
    checked_out bigint NOT NULL,
    purchased bigint NOT NULL,
    CONSTRAINT session_funnel_pkey PRIMARY KEY (month_start, device)
);
INSERT INTO warehouse.session_funnel
    (month_start, device, sessions, viewed, carted, checked_out, purchased)
SELECT month_start, device, sessions, viewed, carted, checked_out, purchased
FROM warehouse.session_funnel_view;

COMMENT ON TABLE warehouse.country_sales IS 'Sales per month and country of the customer at the moment of the sale';
COMMENT ON COLUMN warehouse.country_sales.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.country_sales.country IS 'ISO 3166-1 alpha-2, or ''unknown'' while the customer is an inferred member';
COMMENT ON COLUMN warehouse.country_sales.transactions IS 'number of sales';
COMMENT ON COLUMN warehouse.country_sales.priced_transactions IS 'number of sales whose price is known';
COMMENT ON COLUMN warehouse.country_sales.revenue IS 'each sale at the price that was valid at its moment';

COMMENT ON TABLE warehouse.category_sales IS 'Sales per month and category of the product at the moment of the sale';
COMMENT ON COLUMN warehouse.category_sales.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.category_sales.category IS 'category, or ''unknown'' while the product is an inferred member';
COMMENT ON COLUMN warehouse.category_sales.transactions IS 'number of sales';
COMMENT ON COLUMN warehouse.category_sales.units IS 'units sold';
COMMENT ON COLUMN warehouse.category_sales.revenue IS 'each sale at the price that was valid at its moment';

COMMENT ON TABLE warehouse.supplier_sales IS 'Sales per month and supplier of the product at the moment of the sale';
COMMENT ON COLUMN warehouse.supplier_sales.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.supplier_sales.supplier IS 'name of the supplier, or ''unknown'' while the product is an inferred member';
COMMENT ON COLUMN warehouse.supplier_sales.transactions IS 'number of sales';
COMMENT ON COLUMN warehouse.supplier_sales.units IS 'units sold';
COMMENT ON COLUMN warehouse.supplier_sales.revenue IS 'each sale at the price that was valid at its moment';

COMMENT ON TABLE warehouse.basket_sizes IS 'Baskets by their number of lines; a basket is all that a customer buys on one day';
COMMENT ON COLUMN warehouse.basket_sizes.lines IS 'transactions in the basket';
COMMENT ON COLUMN warehouse.basket_sizes.baskets IS 'baskets of that size';
COMMENT ON COLUMN warehouse.basket_sizes.units IS 'units in them';
COMMENT ON COLUMN warehouse.basket_sizes.revenue IS 'what they brought, each sale at the price valid at its moment';

COMMENT ON TABLE warehouse.purchase_frequency IS 'Customers by the number of baskets they have bought; a basket is all that a customer buys on one day';
COMMENT ON COLUMN warehouse.purchase_frequency.baskets IS 'days on which they bought';
COMMENT ON COLUMN warehouse.purchase_frequency.customers IS 'customers who bought that often';
COMMENT ON COLUMN warehouse.purchase_frequency.revenue IS 'what they spent, each sale at the price valid at its moment';

COMMENT ON TABLE warehouse.cohort_activity IS 'Customers who bought, by the month of their first purchase and the months since';
COMMENT ON COLUMN warehouse.cohort_activity.cohort_month IS 'first day of the month of the first purchase';
COMMENT ON COLUMN warehouse.cohort_activity.month_number IS 'months since then; 0 is the month of the first purchase';
COMMENT ON COLUMN warehouse.cohort_activity.customers IS 'customers of the cohort who bought in that month';
COMMENT ON COLUMN warehouse.cohort_activity.revenue IS 'what they spent in that month, each sale at the price valid at its moment';

COMMENT ON TABLE warehouse.session_funnel IS 'How far visits got, per month of their begin and device';
COMMENT ON COLUMN warehouse.session_funnel.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.session_funnel.device IS 'kind of device';
COMMENT ON COLUMN warehouse.session_funnel.sessions IS 'visits';
COMMENT ON COLUMN warehouse.session_funnel.viewed IS 'visits that saw a product or got further';
COMMENT ON COLUMN warehouse.session_funnel.carted IS 'visits that put something into the cart or got further';
COMMENT ON COLUMN warehouse.session_funnel.checked_out IS 'visits that began to pay or got further';
COMMENT ON COLUMN warehouse.session_funnel.purchased IS 'visits that ended in a purchase';

-- What changes from now on is counted. The versions go on from those of the views, so that an
-- answer that was given from the same rows is still kept; who could read a view can read its table.
-- A view that somebody's own view reads stays under its new name, and is refreshed as before.
DO $$
DECLARE
    answer text;
    reader text;
BEGIN
    FOREACH answer IN ARRAY ARRAY[
        'country_sales', 'category_sales', 'supplier_sales', 'basket_sizes', 'purchase_frequency',
        'cohort_activity', 'session_funnel']
    LOOP
        EXECUTE format(
            'CREATE TRIGGER count_change
             AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON warehouse.%I
             FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change()', answer);
        INSERT INTO ops.data_versions (table_name) VALUES ('warehouse.' || answer)
        ON CONFLICT (table_name) DO NOTHING;
        DELETE FROM ops.view_refreshes WHERE view_name = 'warehouse.' || answer;
        FOR reader IN
            SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
            FROM pg_class, aclexplode(relacl)
            WHERE oid = format('warehouse.%I', answer || '_view')::regclass
              AND privilege_type = 'SELECT' AND grantee <> relowner
        LOOP
            EXECUTE format('GRANT SELECT ON warehouse.%I TO %s', answer, reader);
        END LOOP;
        BEGIN
            EXECUTE format('DROP MATERIALIZED VIEW warehouse.%I', answer || '_view');
        EXCEPTION WHEN dependent_objects_still_exist THEN
            NULL;
        END;
    END LOOP;
END
$$;

COMMENT ON FUNCTION ops.refresh_views() IS 'Refreshes each materialised view that somebody has made in the warehouse and whose inputs have changed since its last refresh; how many those were. transform calls it at the end of each run. A view needs a unique index, so that it can be read meanwhile';
COMMENT ON VIEW ops.view_inputs IS 'The tables and materialised views that each materialised view of the warehouse reads, directly or through views; there are none but those that somebody has made';
COMMENT ON TABLE ops.view_refreshes IS 'The latest refresh of each materialised view that somebody has made in the warehouse';

CREATE TABLE ops.publications (
    table_name text PRIMARY KEY,
    content text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE ops.publications IS 'Which content of a gold table its copy in the warehouse has';
COMMENT ON COLUMN ops.publications.table_name IS 'name of the table';
COMMENT ON COLUMN ops.publications.content IS 'key of the gold table''s file that was published; empty for a table without rows';
COMMENT ON COLUMN ops.publications.published_at IS 'when it was published';
