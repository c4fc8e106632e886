-- The star schema. Facts are priced as of the sale; dimensions keep history (SCD type 2).
CREATE SCHEMA warehouse;

CREATE TABLE warehouse.dim_date (
    date_key integer PRIMARY KEY,               -- yyyymmdd
    date date NOT NULL UNIQUE,
    year smallint NOT NULL,
    quarter smallint NOT NULL,
    month smallint NOT NULL,
    month_name text NOT NULL,
    iso_year smallint NOT NULL,
    iso_week smallint NOT NULL,
    day_of_month smallint NOT NULL,
    day_of_week smallint NOT NULL,              -- 1 Monday to 7 Sunday
    day_name text NOT NULL,
    is_weekend boolean NOT NULL
);

INSERT INTO warehouse.dim_date
SELECT to_char(day, 'YYYYMMDD')::integer, day, extract(year FROM day), extract(quarter FROM day),
       extract(month FROM day), to_char(day, 'FMMonth'), extract(isoyear FROM day),
       extract(week FROM day), extract(day FROM day), extract(isodow FROM day),
       to_char(day, 'FMDay'), extract(isodow FROM day) >= 6
FROM (SELECT generate_series(date '2000-01-01', date '2049-12-31', interval '1 day')::date AS day) AS days;

-- valid_from is inclusive, valid_to exclusive. The first version of an entity is valid from
-- '-infinity', since nothing better is known about the time before it. No personal data.
CREATE TABLE warehouse.dim_customer (
    customer_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    email_domain text,
    registration_date date,
    country char(2),
    is_inferred boolean NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz NOT NULL,
    is_current boolean NOT NULL,
    row_hash bytea NOT NULL,
    UNIQUE (customer_id, valid_from),
    CHECK (valid_from < valid_to),
    CHECK (is_current = (valid_to = 'infinity'))
);

CREATE UNIQUE INDEX dim_customer_current ON warehouse.dim_customer (customer_id) WHERE is_current;

CREATE TABLE warehouse.dim_product (
    product_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL,
    name text,
    category text,
    supplier text,
    price numeric(10, 2),
    is_inferred boolean NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz NOT NULL,
    is_current boolean NOT NULL,
    row_hash bytea NOT NULL,
    UNIQUE (product_id, valid_from),
    CHECK (valid_from < valid_to),
    CHECK (is_current = (valid_to = 'infinity'))
);

CREATE UNIQUE INDEX dim_product_current ON warehouse.dim_product (product_id) WHERE is_current;

-- One row per transaction line. unit_price and amount are unknown while the product is inferred.
CREATE TABLE warehouse.fact_sales (
    transaction_id bigint PRIMARY KEY,
    date_key integer NOT NULL REFERENCES warehouse.dim_date (date_key),
    customer_key bigint NOT NULL REFERENCES warehouse.dim_customer (customer_key),
    product_key bigint NOT NULL REFERENCES warehouse.dim_product (product_key),
    payment_method text NOT NULL,
    sold_at timestamptz NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(10, 2),
    amount numeric(18, 2)
);

CREATE INDEX fact_sales_date ON warehouse.fact_sales (date_key);
CREATE INDEX fact_sales_customer ON warehouse.fact_sales (customer_key);
CREATE INDEX fact_sales_product ON warehouse.fact_sales (product_key);

-- Published copies of the gold tables (sql/gold/); money in the shop's currency.
CREATE TABLE warehouse.daily_sales (
    event_date date PRIMARY KEY,
    transactions bigint NOT NULL,
    customers bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    unpriced_transactions bigint NOT NULL
);

CREATE TABLE warehouse.weekly_sales (
    week_start date PRIMARY KEY,                -- Monday
    transactions bigint NOT NULL,
    customers bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    unpriced_transactions bigint NOT NULL
);

CREATE TABLE warehouse.monthly_sales (
    month_start date PRIMARY KEY,
    transactions bigint NOT NULL,
    customers bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    unpriced_transactions bigint NOT NULL
);

CREATE TABLE warehouse.product_sales (
    product_id bigint PRIMARY KEY,
    transactions bigint NOT NULL,
    units bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL
);

CREATE TABLE warehouse.customer_lifetime_value (
    customer_id bigint PRIMARY KEY,
    first_purchase date NOT NULL,
    last_purchase date NOT NULL,
    transactions bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    average_order_value numeric(18, 2) NOT NULL,
    -- average_order_value x transactions per year since the first purchase, for one more year.
    projected_annual_value numeric(18, 2) NOT NULL
);
