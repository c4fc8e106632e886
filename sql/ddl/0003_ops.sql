-- How the pipeline keeps account of itself.
CREATE SCHEMA ops;

CREATE TABLE ops.runs (
    run_id text PRIMARY KEY,
    run_date date NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed')),
    input jsonb NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    duration_ms bigint,
    cost_usd numeric(12, 6),
    quality_score numeric(5, 2),
    error text,
    cause text
);

-- Rows in = rows loaded + rows quarantined + rows unchanged, per run, stage and dataset.
CREATE TABLE ops.ledger (
    run_id text NOT NULL REFERENCES ops.runs (run_id),
    stage text NOT NULL CHECK (stage IN ('validate', 'upload', 'load', 'transform')),
    dataset text NOT NULL,
    rows_in bigint NOT NULL,
    rows_loaded bigint NOT NULL,
    rows_quarantined bigint NOT NULL,
    rows_unchanged bigint NOT NULL,
    PRIMARY KEY (run_id, stage, dataset),
    CONSTRAINT balanced CHECK (rows_in = rows_loaded + rows_quarantined + rows_unchanged)
);

-- One row per file loaded by a run, written in the transaction that loaded it.
CREATE TABLE ops.load_audit (
    run_id text NOT NULL,
    dataset text NOT NULL,
    part integer NOT NULL,
    source_bucket text NOT NULL,
    source_key text NOT NULL,
    source_version_id text NOT NULL,
    raw_key text NOT NULL,
    rows_in bigint NOT NULL,
    inserted bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    inferred_members bigint NOT NULL,
    loaded_by text NOT NULL DEFAULT current_user,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, dataset, part),
    CONSTRAINT balanced CHECK (rows_in = inserted + updated + unchanged)
);

-- Bronze files that wait for transform: written by load in the transaction that loads the same
-- file, closed by transform when silver and gold are committed. A run that dies between the two
-- leaves its files here, and the next run picks them up.
CREATE TABLE ops.lake_queue (
    run_id text NOT NULL,
    dataset text NOT NULL,
    part integer NOT NULL,
    entry jsonb NOT NULL,                       -- the manifest entry
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    transformed_at timestamptz,
    transformed_by text,                        -- run_id of the transform that closed it
    rows_loaded bigint,                         -- rows that changed silver
    rows_unchanged bigint,
    PRIMARY KEY (run_id, dataset, part)
);

CREATE INDEX lake_queue_open ON ops.lake_queue (queued_at) WHERE transformed_at IS NULL;

-- Transactions whose event date changed: silver must drop them from the old date.
CREATE TABLE ops.moved_rows (
    id bigint NOT NULL,
    from_date date NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, from_date)
);

-- Event dates whose facts and aggregates must be recomputed.
CREATE TABLE ops.dirty_dates (
    event_date date PRIMARY KEY,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Entities whose history changed since the dimensions were last built.
CREATE TABLE ops.dirty_entities (
    dataset text NOT NULL CHECK (dataset IN ('customers', 'products')),
    id bigint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (dataset, id)
);
