-- The normalised source of truth: one row per business key, with the history of every entity.
CREATE SCHEMA core;

CREATE TABLE core.countries (
    code char(2) PRIMARY KEY CHECK (code ~ '^[A-Z]{2}$')
);

CREATE TABLE core.categories (
    category_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE core.suppliers (
    supplier_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE core.payment_methods (
    payment_method_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- effective_at, source_modified_at and source_version_id order the sources of a row: a row is
-- only replaced by one from a later source, so the order of processing does not matter.
CREATE TABLE core.customers (
    id bigint PRIMARY KEY CHECK (id > 0),
    name text,
    email text,
    registration_date date,
    country char(2) REFERENCES core.countries (code),
    -- Known only because a transaction names it; its own row completes it later.
    is_inferred boolean NOT NULL DEFAULT false,
    row_hash bytea,
    row_version integer NOT NULL DEFAULT 1,
    effective_at timestamptz NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (is_inferred OR (name IS NOT NULL AND email IS NOT NULL
                           AND registration_date IS NOT NULL AND country IS NOT NULL
                           AND row_hash IS NOT NULL))
);

CREATE TABLE core.products (
    id bigint PRIMARY KEY CHECK (id > 0),
    name text,
    category_id smallint REFERENCES core.categories (category_id),
    price numeric(10, 2) CHECK (price > 0),
    supplier_id integer REFERENCES core.suppliers (supplier_id),
    is_inferred boolean NOT NULL DEFAULT false,
    row_hash bytea,
    row_version integer NOT NULL DEFAULT 1,
    effective_at timestamptz NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (is_inferred OR (name IS NOT NULL AND category_id IS NOT NULL AND price IS NOT NULL
                           AND supplier_id IS NOT NULL AND row_hash IS NOT NULL))
);

-- Every accepted version of an entity, one per effective moment. Dimensions are built from it, so
-- changes that arrive out of order end in the same history.
CREATE TABLE core.customer_history (
    id bigint NOT NULL REFERENCES core.customers (id),
    effective_at timestamptz NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    registration_date date NOT NULL,
    country char(2) NOT NULL,
    row_hash bytea NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    PRIMARY KEY (id, effective_at)
);

CREATE TABLE core.product_history (
    id bigint NOT NULL REFERENCES core.products (id),
    effective_at timestamptz NOT NULL,
    name text NOT NULL,
    category text NOT NULL,
    price numeric(10, 2) NOT NULL,
    supplier text NOT NULL,
    row_hash bytea NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    PRIMARY KEY (id, effective_at)
);

CREATE TABLE core.transactions (
    id bigint PRIMARY KEY CHECK (id > 0),
    customer_id bigint NOT NULL REFERENCES core.customers (id),
    product_id bigint NOT NULL REFERENCES core.products (id),
    quantity integer NOT NULL CHECK (quantity >= 1),
    "timestamp" timestamptz NOT NULL,
    payment_method_id smallint NOT NULL REFERENCES core.payment_methods (payment_method_id),
    row_hash bytea NOT NULL,
    row_version integer NOT NULL DEFAULT 1,
    effective_at timestamptz NOT NULL,
    source_modified_at timestamptz NOT NULL,
    source_version_id text NOT NULL,
    source_run_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX transactions_timestamp ON core.transactions ("timestamp");
CREATE INDEX transactions_product ON core.transactions (product_id, "timestamp");
