-- What stands beside the price of a sale: tax, shipping and a currency of its own; the exchange rates
-- that bring it to the shop's currency; the payments of an order; and what a product costs the shop.
-- See docs/decisions/0047-currencies-tax-and-payments.md.
ALTER TABLE core.transactions
    ADD COLUMN tax numeric(12, 4),
    ADD COLUMN shipping numeric(12, 4),
    ADD COLUMN currency text;

ALTER TABLE core.transaction_history
    ADD COLUMN tax numeric(12, 4),
    ADD COLUMN shipping numeric(12, 4),
    ADD COLUMN currency text;

-- The sales that a rate converts, by day: none of a shop with one currency. The currency is in it, so
-- that the rates of many days are found without looking at their sales.
CREATE INDEX transactions_currency ON core.transactions ("timestamp", currency)
    WHERE currency IS NOT NULL;

ALTER TABLE core.products ADD COLUMN cost numeric(12, 4);
ALTER TABLE core.product_history ADD COLUMN cost numeric(12, 4);
ALTER TABLE warehouse.dim_product ADD COLUMN cost numeric(12, 4);

CREATE TABLE core.exchange_rates (
    id bigint PRIMARY KEY CHECK (id > 0),
    rate_date date NOT NULL,
    currency text NOT NULL,
    rate numeric(18, 8) NOT NULL CHECK (rate > 0),
    natural_key text,
    extra jsonb,
    is_inferred boolean NOT NULL DEFAULT false,
    row_hash bytea,
    row_version integer NOT NULL DEFAULT 1,
    effective_at timestamptz NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE core.exchange_rate_history (
    id bigint NOT NULL REFERENCES core.exchange_rates (id),
    effective_at timestamptz NOT NULL,
    rate_date date NOT NULL,
    currency text NOT NULL,
    rate numeric(18, 8) NOT NULL,
    natural_key text,
    extra jsonb,
    row_hash bytea NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    PRIMARY KEY (id, effective_at)
);

CREATE INDEX exchange_rates_day ON core.exchange_rates (currency, rate_date);

CREATE TABLE core.payments (
    id bigint PRIMARY KEY CHECK (id > 0),
    order_id text NOT NULL,
    sequence integer,
    payment_method_id smallint REFERENCES core.payment_methods (payment_method_id),
    amount numeric(12, 4) NOT NULL,
    currency text,
    payment_date date,
    natural_key text,
    extra jsonb,
    is_inferred boolean NOT NULL DEFAULT false,
    row_hash bytea,
    row_version integer NOT NULL DEFAULT 1,
    effective_at timestamptz NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE core.payment_history (
    id bigint NOT NULL REFERENCES core.payments (id),
    effective_at timestamptz NOT NULL,
    order_id text NOT NULL,
    sequence integer,
    payment_method text,
    amount numeric(12, 4) NOT NULL,
    currency text,
    payment_date date,
    natural_key text,
    extra jsonb,
    row_hash bytea NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    PRIMARY KEY (id, effective_at)
);

CREATE INDEX payments_order ON core.payments (order_id);

-- The currency that the facts are in; one row. When the configuration names another one, transform
-- converts the sales anew that have a currency.
CREATE TABLE ops.shop_currency (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    currency text NOT NULL,
    base text NOT NULL,
    max_age_days integer NOT NULL CHECK (max_age_days >= 0),
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO ops.shop_currency (currency, base, max_age_days) VALUES ('EUR', 'EUR', 7);

ALTER TABLE warehouse.fact_sales
    ADD COLUMN tax numeric(18, 2),
    ADD COLUMN shipping numeric(18, 2),
    ADD COLUMN cost numeric(18, 2),
    ADD COLUMN currency text,
    ADD COLUMN exchange_rate numeric(22, 12),
    ADD COLUMN charged numeric(18, 2);

-- Units of a currency for one unit of the base: the latest rate of the day or of the days before it.
CREATE FUNCTION warehouse.units_per_base(currency text, day date)
RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN $1 = s.base THEN 1 ELSE (
        SELECT r.rate
        FROM core.exchange_rates AS r
        WHERE r.currency = $1 AND r.rate_date <= $2 AND r.rate_date >= $2 - s.max_age_days
        ORDER BY r.rate_date DESC, r.id DESC
        LIMIT 1
    ) END
    FROM ops.shop_currency AS s
$$;

-- What one unit of a currency was worth in the shop's; null while a rate is missing. One that is beyond
-- what the columns of facts hold is a mistake and counts as missing.
CREATE FUNCTION warehouse.exchange_rate(currency text, day date)
RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN $1 IS NULL OR $1 = s.currency THEN 1.000000000000 ELSE (
        SELECT found.rate
        FROM round(
            warehouse.units_per_base(s.currency, $2) / warehouse.units_per_base($1, $2), 12
        ) AS found (rate)
        WHERE found.rate > 0 AND found.rate < 100000000
    ) END
    FROM ops.shop_currency AS s
$$;

-- The price of a line in the shop's currency: its own, or else that of the list, which is in the
-- shop's currency already. Null while none or no rate is known, and where it is too large for a price.
CREATE FUNCTION warehouse.line_price(
    currency text, own_price numeric, list_price numeric, exchange_rate numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN own_price IS NULL THEN list_price
        WHEN currency IS NULL THEN own_price
        WHEN own_price * exchange_rate < 99999999.995 THEN own_price * exchange_rate
    END
$$;

-- As before, in the shop's currency: the price is converted already, money taken off is not yet.
CREATE FUNCTION warehouse.line_discount(
    quantity integer, unit_price numeric, discount numeric, exchange_rate numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN discount <= 1 THEN round(quantity * unit_price * discount, 2)
        WHEN quantity > 0 THEN round(discount * exchange_rate, 2)
        ELSE -round(discount * exchange_rate, 2)
    END
$$;

CREATE FUNCTION warehouse.line_amount(
    quantity integer, unit_price numeric, discount numeric, status text, exchange_rate numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN quantity > 0 AND status IN ('cancelled', 'refunded', 'returned') THEN 0.00
        WHEN discount IS NULL THEN round(quantity * unit_price, 2)
        ELSE round(quantity * unit_price, 2)
             - warehouse.line_discount(quantity, unit_price, discount, exchange_rate)
    END
$$;

-- Tax or shipping of a line. A return gives it back, whichever sign its source writes.
CREATE FUNCTION warehouse.line_charge(
    quantity integer, charge numeric, status text, exchange_rate numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN charge IS NULL THEN NULL
        WHEN quantity > 0 AND status IN ('cancelled', 'refunded', 'returned') THEN 0.00
        WHEN quantity > 0 THEN round(charge * exchange_rate, 2)
        ELSE -round(abs(charge) * exchange_rate, 2)
    END
$$;

-- What the units of a line cost the shop: nothing where they never left, or came back as a whole.
CREATE FUNCTION warehouse.line_cost(quantity integer, unit_cost numeric, status text)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT round(warehouse.line_units(quantity, status) * unit_cost, 2)
$$;

COMMENT ON FUNCTION warehouse.units_per_base(text, date) IS 'Units of a currency for one unit of the base of the rates, by the latest rate up to the day; null where there is none that is recent enough';
COMMENT ON FUNCTION warehouse.exchange_rate(text, date) IS 'What one unit of a currency was worth in the shop''s on a day, with twelve places; 1 for the shop''s own, null while a rate is missing';
COMMENT ON FUNCTION warehouse.line_price(text, numeric, numeric, numeric) IS 'Price per unit of a line in the shop''s currency: its own, converted, or else the list price; null while neither or no rate is known';
COMMENT ON FUNCTION warehouse.line_discount(integer, numeric, numeric, numeric) IS 'What was taken off a line, in the shop''s currency: up to 1 a share of it, over 1 money of the sale''s currency; rounded to cents, negative for a return';
COMMENT ON FUNCTION warehouse.line_amount(integer, numeric, numeric, text, numeric) IS 'What a line brought in the shop''s currency: quantity x price less discount, each rounded to cents; negative for a return, 0 for a line that was cancelled, returned or refunded; null while its price or rate is missing';
COMMENT ON FUNCTION warehouse.line_charge(integer, numeric, text, numeric) IS 'Tax or shipping of a line in the shop''s currency, rounded to cents; negative for a return, 0 for a line that was cancelled, returned or refunded';
COMMENT ON FUNCTION warehouse.line_cost(integer, numeric, text) IS 'What the units of a line cost the shop, rounded to cents; negative for a return, 0 for a line that was cancelled or returned';

-- As before, with six more columns at the end: views that read it stay.
CREATE OR REPLACE VIEW warehouse.sales AS
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
    f.amount,
    f.order_id,
    f.discount,
    f.status,
    f.tax,
    f.shipping,
    f.cost,
    f.currency,
    f.exchange_rate,
    f.charged
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_date AS d USING (date_key)
LEFT JOIN warehouse.dim_customer AS c USING (customer_key)
LEFT JOIN warehouse.dim_product AS p USING (product_key);

CREATE VIEW warehouse.payments AS
SELECT
    p.id AS payment_id,
    p.order_id,
    p.sequence,
    m.name AS payment_method,
    p.amount,
    p.currency,
    p.payment_date
FROM core.payments AS p
LEFT JOIN core.payment_methods AS m USING (payment_method_id);

-- Orders in the currency they were paid in. Whether prices have their tax in them, only the shop knows:
-- what was paid is then either the first or the second sum.
CREATE VIEW warehouse.order_payments AS
WITH sold AS (
    SELECT
        f.order_id,
        coalesce(f.currency, s.currency) AS currency,
        -- A line without a price of its own has the list price, which is in the shop's currency.
        sum(CASE WHEN f.currency IS NULL THEN f.amount
                 ELSE coalesce(f.charged, round(f.amount / f.exchange_rate, 2)) END) AS charged,
        -- As the sale has them: what was converted does not come back to the cent.
        sum(warehouse.line_charge(t.quantity, t.tax, t.status, 1)) AS tax,
        sum(warehouse.line_charge(t.quantity, t.shipping, t.status, 1)) AS shipping
    FROM warehouse.fact_sales AS f
    JOIN core.transactions AS t ON t.id = f.transaction_id
    CROSS JOIN ops.shop_currency AS s
    WHERE f.order_id IS NOT NULL
    GROUP BY 1, 2
), paid AS (
    SELECT
        p.order_id,
        coalesce(p.currency, s.currency) AS currency,
        count(*) AS payments,
        sum(p.amount) AS paid
    FROM core.payments AS p
    CROSS JOIN ops.shop_currency AS s
    GROUP BY 1, 2
)
SELECT
    order_id,
    currency,
    sold.charged,
    sold.tax,
    sold.shipping,
    coalesce(paid.payments, 0) AS payments,
    paid.paid
FROM sold
FULL JOIN paid USING (order_id, currency);

ALTER TABLE warehouse.daily_sales
    ADD COLUMN tax numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN shipping numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN costed_revenue numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN margin numeric(18, 2) NOT NULL DEFAULT 0;

ALTER TABLE warehouse.weekly_sales
    ADD COLUMN tax numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN shipping numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN costed_revenue numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN margin numeric(18, 2) NOT NULL DEFAULT 0;

ALTER TABLE warehouse.monthly_sales
    ADD COLUMN tax numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN shipping numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN costed_revenue numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN margin numeric(18, 2) NOT NULL DEFAULT 0;

-- Their files lack the columns: they count as never published, so that the next call of transform
-- computes them whole.
DELETE FROM ops.publications WHERE table_name IN ('daily_sales', 'weekly_sales', 'monthly_sales');

-- Nothing had tax, shipping or a cost until now, so those that are there are right. Files of gold lack
-- the columns that facts have now: the next calls of transform write all of them once more, and leave
-- in the warehouse what is right already.
INSERT INTO ops.dirty_dates (event_date)
SELECT d.date
FROM warehouse.dim_date AS d
-- One look into the index for each date, however many facts there are.
CROSS JOIN LATERAL (
    SELECT f.date_key FROM warehouse.fact_sales AS f WHERE f.date_key = d.date_key LIMIT 1
) AS sold
ON CONFLICT (event_date) DO UPDATE SET marked_at = excluded.marked_at;

-- A question reads the payments through their view: what changes the view, or what its amounts are
-- worth, counts as a change of it (docs/decisions/0017-answers-kept-by-version.md).
CREATE OR REPLACE FUNCTION ops.count_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ops.data_versions AS v (table_name)
    VALUES (coalesce(tg_argv[0], format('%I.%I', tg_table_schema, tg_table_name)))
    ON CONFLICT (table_name) DO UPDATE
        SET version = v.version + 1,
            changed_in = excluded.changed_in,
            changed_at = excluded.changed_at
        WHERE v.changed_in <> excluded.changed_in;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.payments
    FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change('warehouse.payments');
CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON core.exchange_rates
    FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change('warehouse.payments');
CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ops.shop_currency
    FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change('warehouse.payments');

INSERT INTO ops.data_versions (table_name) VALUES ('warehouse.payments');

DO $$
BEGIN
    -- One that somebody has made for all tables has these already, and takes none by name.
    IF EXISTS (SELECT FROM pg_publication WHERE pubname = 'shopflow_cdc' AND NOT puballtables) THEN
        ALTER PUBLICATION shopflow_cdc ADD TABLE
            core.exchange_rates, core.exchange_rate_history, core.payments, core.payment_history;
    END IF;
EXCEPTION
    -- The rest of the pipeline works without: `cdc` says what is missing, or reads by watermark.
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'publication shopflow_cdc was left as it is: only its owner may change it';
END
$$;

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON INDEX core.transactions_currency IS 'load, transform: the sales that exchange rates convert, by day';
COMMENT ON INDEX core.exchange_rates_day IS 'transform: the latest rate of a currency up to a day';
COMMENT ON INDEX core.payments_order IS 'readers: the payments of an order';

COMMENT ON COLUMN core.transactions.tax IS 'tax on the line; in no other sum';
COMMENT ON COLUMN core.transactions.shipping IS 'what was charged for shipping the line; in no other sum';
COMMENT ON COLUMN core.transactions.currency IS 'currency of the line''s amounts, ISO 4217; the shop''s if absent';
COMMENT ON COLUMN core.transaction_history.tax IS 'tax on the line; in no other sum';
COMMENT ON COLUMN core.transaction_history.shipping IS 'what was charged for shipping the line; in no other sum';
COMMENT ON COLUMN core.transaction_history.currency IS 'currency of the line''s amounts, ISO 4217; the shop''s if absent';
COMMENT ON COLUMN core.products.cost IS 'what a unit costs the shop, in its currency; absent if unknown';
COMMENT ON COLUMN core.product_history.cost IS 'what a unit costs the shop, in its currency; absent if unknown';
COMMENT ON COLUMN warehouse.dim_product.cost IS 'What a unit costs the shop, null if unknown; type 2';

COMMENT ON TABLE core.exchange_rates IS 'Exchange rates by day and currency';
COMMENT ON COLUMN core.exchange_rates.id IS 'number of the rate, made of its day and currency';
COMMENT ON COLUMN core.exchange_rates.rate_date IS 'day of the rate';
COMMENT ON COLUMN core.exchange_rates.currency IS 'currency, ISO 4217';
COMMENT ON COLUMN core.exchange_rates.rate IS 'units of the currency for one unit of the base, such as the euro';
COMMENT ON COLUMN core.exchange_rates.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.exchange_rates.extra IS 'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.exchange_rates.row_hash IS 'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.exchange_rates.effective_at IS 'moment from which the row is true, from its source';
COMMENT ON COLUMN core.exchange_rates.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.exchange_rates.source_version_id IS 'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.exchange_rates.source_run_id IS 'run that last wrote the row';
COMMENT ON COLUMN core.exchange_rates.is_inferred IS 'always false: no other row names it';
COMMENT ON COLUMN core.exchange_rates.row_version IS '1 for the first version, plus 1 with each change of content';
COMMENT ON COLUMN core.exchange_rates.created_at IS 'when the row was first written';
COMMENT ON COLUMN core.exchange_rates.updated_at IS 'when its content last changed';
COMMENT ON TABLE core.exchange_rate_history IS 'Every accepted version of an exchange rate';
COMMENT ON COLUMN core.exchange_rate_history.id IS 'number of the rate, made of its day and currency';
COMMENT ON COLUMN core.exchange_rate_history.rate_date IS 'day of the rate';
COMMENT ON COLUMN core.exchange_rate_history.currency IS 'currency, ISO 4217';
COMMENT ON COLUMN core.exchange_rate_history.rate IS 'units of the currency for one unit of the base, such as the euro';
COMMENT ON COLUMN core.exchange_rate_history.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.exchange_rate_history.extra IS 'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.exchange_rate_history.row_hash IS 'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.exchange_rate_history.effective_at IS 'moment from which the row is true, from its source';
COMMENT ON COLUMN core.exchange_rate_history.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.exchange_rate_history.source_version_id IS 'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.exchange_rate_history.source_run_id IS 'run that last wrote the row';

COMMENT ON TABLE core.payments IS 'Payments of orders: an order may have several';
COMMENT ON COLUMN core.payments.id IS 'payment number';
COMMENT ON COLUMN core.payments.order_id IS 'order that was paid';
COMMENT ON COLUMN core.payments.sequence IS 'number of the payment within its order';
COMMENT ON COLUMN core.payments.payment_method_id IS 'how it was paid; absent if unknown';
COMMENT ON COLUMN core.payments.amount IS 'what was paid; negative for what was paid back';
COMMENT ON COLUMN core.payments.currency IS 'currency of the amount, ISO 4217; the shop''s if absent';
COMMENT ON COLUMN core.payments.payment_date IS 'day of the payment; absent if unknown';
COMMENT ON COLUMN core.payments.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.payments.extra IS 'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.payments.row_hash IS 'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.payments.effective_at IS 'moment from which the row is true, from its source';
COMMENT ON COLUMN core.payments.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.payments.source_version_id IS 'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.payments.source_run_id IS 'run that last wrote the row';
COMMENT ON COLUMN core.payments.is_inferred IS 'always false: no other row names it';
COMMENT ON COLUMN core.payments.row_version IS '1 for the first version, plus 1 with each change of content';
COMMENT ON COLUMN core.payments.created_at IS 'when the row was first written';
COMMENT ON COLUMN core.payments.updated_at IS 'when its content last changed';
COMMENT ON TABLE core.payment_history IS 'Every accepted version of a payment';
COMMENT ON COLUMN core.payment_history.id IS 'payment number';
COMMENT ON COLUMN core.payment_history.order_id IS 'order that was paid';
COMMENT ON COLUMN core.payment_history.sequence IS 'number of the payment within its order';
COMMENT ON COLUMN core.payment_history.payment_method IS 'how it was paid; absent if unknown';
COMMENT ON COLUMN core.payment_history.amount IS 'what was paid; negative for what was paid back';
COMMENT ON COLUMN core.payment_history.currency IS 'currency of the amount, ISO 4217; the shop''s if absent';
COMMENT ON COLUMN core.payment_history.payment_date IS 'day of the payment; absent if unknown';
COMMENT ON COLUMN core.payment_history.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.payment_history.extra IS 'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.payment_history.row_hash IS 'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.payment_history.effective_at IS 'moment from which the row is true, from its source';
COMMENT ON COLUMN core.payment_history.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.payment_history.source_version_id IS 'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.payment_history.source_run_id IS 'run that last wrote the row';

COMMENT ON TABLE ops.shop_currency IS 'Currency the facts are in, and how rates convert to it; one row';
COMMENT ON COLUMN ops.shop_currency.only_row IS 'Always true';
COMMENT ON COLUMN ops.shop_currency.currency IS 'The shop''s currency, ISO 4217';
COMMENT ON COLUMN ops.shop_currency.base IS 'Currency whose unit the rates are for';
COMMENT ON COLUMN ops.shop_currency.max_age_days IS 'How many days a rate may be older than the sale';
COMMENT ON COLUMN ops.shop_currency.since IS 'When the facts were first converted to it';

COMMENT ON COLUMN warehouse.fact_sales.unit_price IS 'Price per unit that was charged, in cents of the shop''s currency: the sale''s own, else the list price of its moment; null while neither is known, or a rate is missing';
COMMENT ON COLUMN warehouse.fact_sales.amount IS 'What the line brought in the shop''s currency: quantity x price less discount; negative for a return, 0 for a line that was cancelled, returned or refunded; null while the price or a rate is unknown';
COMMENT ON COLUMN warehouse.fact_sales.discount IS 'Money taken off the line in the shop''s currency, negative for a return; null where the source has none';
COMMENT ON COLUMN warehouse.fact_sales.tax IS 'Tax on the line in the shop''s currency, in no other sum; negative for a return, null where the source has none';
COMMENT ON COLUMN warehouse.fact_sales.shipping IS 'What was charged for shipping the line, in the shop''s currency and in no other sum; negative for a return, null where the source has none';
COMMENT ON COLUMN warehouse.fact_sales.cost IS 'What the units of the line cost the shop; null where that is not known';
COMMENT ON COLUMN warehouse.fact_sales.currency IS 'Currency of the sale, ISO 4217; null for the shop''s own';
COMMENT ON COLUMN warehouse.fact_sales.exchange_rate IS 'What one unit of the sale''s currency was worth in the shop''s; null where the sale names no currency, and while a rate is missing';
COMMENT ON COLUMN warehouse.fact_sales.charged IS 'The amount in the sale''s currency; null where the sale names none, or has no price of its own';

COMMENT ON COLUMN warehouse.sales.tax IS 'tax on the line in the shop''s currency; absent where the source has none';
COMMENT ON COLUMN warehouse.sales.shipping IS 'what was charged for shipping the line, in the shop''s currency; absent where the source has none';
COMMENT ON COLUMN warehouse.sales.cost IS 'what the units of the line cost the shop; absent where that is not known';
COMMENT ON COLUMN warehouse.sales.currency IS 'currency of the sale, ISO 4217; absent for the shop''s own';
COMMENT ON COLUMN warehouse.sales.exchange_rate IS 'what one unit of the sale''s currency was worth in the shop''s; absent where the sale names no currency, and while a rate is missing';
COMMENT ON COLUMN warehouse.sales.charged IS 'the amount in the sale''s currency; absent where the sale names none, or has no price of its own';

COMMENT ON VIEW warehouse.payments IS 'Payments of orders, by method';
COMMENT ON COLUMN warehouse.payments.payment_id IS 'payment number';
COMMENT ON COLUMN warehouse.payments.order_id IS 'order that was paid';
COMMENT ON COLUMN warehouse.payments.sequence IS 'number of the payment within its order';
COMMENT ON COLUMN warehouse.payments.payment_method IS 'how it was paid; absent if unknown';
COMMENT ON COLUMN warehouse.payments.amount IS 'what was paid, in its currency; negative for what was paid back';
COMMENT ON COLUMN warehouse.payments.currency IS 'currency of the amount, ISO 4217; absent for the shop''s own';
COMMENT ON COLUMN warehouse.payments.payment_date IS 'day of the payment; absent if unknown';
COMMENT ON VIEW warehouse.order_payments IS 'Orders beside their payments, by currency';
COMMENT ON COLUMN warehouse.order_payments.order_id IS 'order';
COMMENT ON COLUMN warehouse.order_payments.currency IS 'currency of the sums, ISO 4217';
COMMENT ON COLUMN warehouse.order_payments.charged IS 'what its lines brought, without tax and shipping that stand in columns of their own, and without lines that wait for a price';
COMMENT ON COLUMN warehouse.order_payments.tax IS 'tax of its lines';
COMMENT ON COLUMN warehouse.order_payments.shipping IS 'shipping of its lines';
COMMENT ON COLUMN warehouse.order_payments.payments IS 'number of payments';
COMMENT ON COLUMN warehouse.order_payments.paid IS 'sum of its payments; absent where there is none';

COMMENT ON COLUMN warehouse.daily_sales.tax IS 'Tax on the lines, less what was given back';
COMMENT ON COLUMN warehouse.daily_sales.shipping IS 'What was charged for shipping, less what was given back';
COMMENT ON COLUMN warehouse.daily_sales.costed_revenue IS 'Revenue of the lines whose cost is known';
COMMENT ON COLUMN warehouse.daily_sales.margin IS 'Costed revenue less what its units cost the shop';
COMMENT ON COLUMN warehouse.daily_sales.unpriced_transactions IS 'Lines that wait for the price of their product, or for an exchange rate';

COMMENT ON COLUMN warehouse.weekly_sales.tax IS 'Tax on the lines, less what was given back';
COMMENT ON COLUMN warehouse.weekly_sales.shipping IS 'What was charged for shipping, less what was given back';
COMMENT ON COLUMN warehouse.weekly_sales.costed_revenue IS 'Revenue of the lines whose cost is known';
COMMENT ON COLUMN warehouse.weekly_sales.margin IS 'Costed revenue less what its units cost the shop';
COMMENT ON COLUMN warehouse.weekly_sales.unpriced_transactions IS 'Lines that wait for the price of their product, or for an exchange rate';

COMMENT ON COLUMN warehouse.monthly_sales.tax IS 'Tax on the lines, less what was given back';
COMMENT ON COLUMN warehouse.monthly_sales.shipping IS 'What was charged for shipping, less what was given back';
COMMENT ON COLUMN warehouse.monthly_sales.costed_revenue IS 'Revenue of the lines whose cost is known';
COMMENT ON COLUMN warehouse.monthly_sales.margin IS 'Costed revenue less what its units cost the shop';
COMMENT ON COLUMN warehouse.monthly_sales.unpriced_transactions IS 'Lines that wait for the price of their product, or for an exchange rate';
