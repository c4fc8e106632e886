-- Change data capture: what is published, and how far the change log has come.
--
-- The publication is made wherever that is possible and needs no wal_level: it is only a list of
-- tables. The replication slot is made by the function `cdc` with its first call, since a slot
-- cannot be made in a transaction that has written, and a slot that nobody reads keeps the
-- server's log for ever.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_publication WHERE pubname = 'shopflow_cdc') THEN
        ALTER PUBLICATION shopflow_cdc SET TABLE
            core.countries, core.categories, core.suppliers, core.payment_methods, core.customers,
            core.products, core.customer_history, core.product_history, core.transactions;
    ELSE
        CREATE PUBLICATION shopflow_cdc FOR TABLE
            core.countries, core.categories, core.suppliers, core.payment_methods, core.customers,
            core.products, core.customer_history, core.product_history, core.transactions;
    END IF;
EXCEPTION
    -- The rest of the pipeline works without: `cdc` says what is missing, or reads by watermark.
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'publication shopflow_cdc was not made: CREATE on the database is missing';
END
$$;

-- One row per source: 'logical:<slot>' or 'watermark:<table>'.
CREATE TABLE ops.cdc_checkpoints (
    source text PRIMARY KEY,
    -- Grows by one with each batch: who commits a batch states the version it started from.
    version bigint NOT NULL DEFAULT 0,
    tables text[] NOT NULL,                     -- tables whose whole state is in the change log
    -- Logical: every transaction that committed before this is in the change log.
    position pg_lsn,
    -- The snapshot the log began with; transactions it shows that committed before snapshot_lsn
    -- are not written again. Watermark: the snapshot of the last pass.
    snapshot text,
    snapshot_lsn pg_lsn,
    -- Watermark: the last row seen, and where the next pass begins to look.
    watermark_at timestamptz,
    watermark_id bigint,
    scan_from timestamptz,
    -- The batch that is being written. Whoever continues after a crash writes the same batch, so
    -- that its objects replace those of the one that died.
    claimed_batch text,
    claimed_on date,
    claimed_until pg_lsn,
    claimed_changes integer,
    last_commit_at timestamptz,                 -- commit of the last change in the log
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per committed batch. Changes read = written + unchanged + ignored.
CREATE TABLE ops.cdc_batches (
    source text NOT NULL REFERENCES ops.cdc_checkpoints (source),
    version bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('changes', 'snapshot', 'watermark')),
    reason text,                                -- why a snapshot was taken
    from_lsn pg_lsn,
    to_lsn pg_lsn,
    transactions bigint NOT NULL,
    changes_read bigint NOT NULL,
    changes_written bigint NOT NULL,
    changes_unchanged bigint NOT NULL,          -- already in the log by a snapshot or earlier pass
    changes_ignored bigint NOT NULL,            -- published, but of tables that are not captured
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, version),
    CONSTRAINT balanced
        CHECK (changes_read = changes_written + changes_unchanged + changes_ignored)
);

-- The objects of the change log: a file counts once it is here, whatever else lies in the bucket.
CREATE TABLE ops.cdc_files (
    key text PRIMARY KEY,
    source text NOT NULL,
    version bigint NOT NULL,
    table_name text NOT NULL,
    ingest_date date NOT NULL,
    first_lsn pg_lsn,
    last_lsn pg_lsn,
    changes bigint NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    published_at timestamptz,                   -- when the manifest of its day listed it
    FOREIGN KEY (source, version) REFERENCES ops.cdc_batches (source, version)
);

CREATE INDEX cdc_files_unpublished ON ops.cdc_files (source) WHERE published_at IS NULL;

COMMENT ON TABLE ops.cdc_checkpoints IS 'How far the change log has come, one row per source';
COMMENT ON COLUMN ops.cdc_checkpoints.source IS 'logical:<slot> or watermark:<table>';
COMMENT ON COLUMN ops.cdc_checkpoints.version IS 'Grows by one with each batch; who commits a batch states the version it started from';
COMMENT ON COLUMN ops.cdc_checkpoints.tables IS 'Tables whose whole state is in the change log';
COMMENT ON COLUMN ops.cdc_checkpoints.position IS 'Logical: every transaction that committed before this is in the change log';
COMMENT ON COLUMN ops.cdc_checkpoints.snapshot IS 'Logical: the snapshot the log began with; watermark: that of the last pass';
COMMENT ON COLUMN ops.cdc_checkpoints.snapshot_lsn IS 'Transactions the snapshot shows that committed before this are not written again';
COMMENT ON COLUMN ops.cdc_checkpoints.watermark_at IS 'Watermark: updated_at of the last row seen';
COMMENT ON COLUMN ops.cdc_checkpoints.watermark_id IS 'Watermark: id of the last row seen';
COMMENT ON COLUMN ops.cdc_checkpoints.scan_from IS 'Watermark: where the next pass begins to look';
COMMENT ON COLUMN ops.cdc_checkpoints.claimed_batch IS 'The batch that is being written; whoever continues after a crash writes the same one';
COMMENT ON COLUMN ops.cdc_checkpoints.claimed_on IS 'Ingest date of the claimed batch (UTC)';
COMMENT ON COLUMN ops.cdc_checkpoints.claimed_until IS 'Where the log ended when the batch was claimed';
COMMENT ON COLUMN ops.cdc_checkpoints.claimed_changes IS 'Messages after which the claimed batch ends';
COMMENT ON COLUMN ops.cdc_checkpoints.last_commit_at IS 'Commit of the last change in the log';
COMMENT ON COLUMN ops.cdc_checkpoints.updated_at IS 'When the row last changed';

COMMENT ON TABLE ops.cdc_batches IS 'Committed batches of the change log: changes read = written + unchanged + ignored';
COMMENT ON COLUMN ops.cdc_batches.source IS 'The checkpoint the batch belongs to';
COMMENT ON COLUMN ops.cdc_batches.version IS 'Version of the checkpoint that the batch made';
COMMENT ON COLUMN ops.cdc_batches.kind IS 'changes, snapshot or watermark';
COMMENT ON COLUMN ops.cdc_batches.reason IS 'Why a snapshot was taken';
COMMENT ON COLUMN ops.cdc_batches.from_lsn IS 'Position the batch begins at';
COMMENT ON COLUMN ops.cdc_batches.to_lsn IS 'Position the batch ends at';
COMMENT ON COLUMN ops.cdc_batches.transactions IS 'Transactions in the batch';
COMMENT ON COLUMN ops.cdc_batches.changes_read IS 'Changes that the source gave';
COMMENT ON COLUMN ops.cdc_batches.changes_written IS 'Changes in the files of the batch';
COMMENT ON COLUMN ops.cdc_batches.changes_unchanged IS 'Changes already in the log, by a snapshot or an earlier pass';
COMMENT ON COLUMN ops.cdc_batches.changes_ignored IS 'Changes of published tables that are not captured';
COMMENT ON COLUMN ops.cdc_batches.committed_at IS 'When the batch was committed';

COMMENT ON TABLE ops.cdc_files IS 'Objects of the change log: a file counts once it is here, whatever else lies in the bucket';
COMMENT ON COLUMN ops.cdc_files.key IS 'Key in the lake bucket';
COMMENT ON COLUMN ops.cdc_files.source IS 'The checkpoint the file belongs to';
COMMENT ON COLUMN ops.cdc_files.version IS 'The batch that wrote it';
COMMENT ON COLUMN ops.cdc_files.table_name IS 'Captured table';
COMMENT ON COLUMN ops.cdc_files.ingest_date IS 'Partition of the change log (UTC)';
COMMENT ON COLUMN ops.cdc_files.first_lsn IS 'Position of its first change';
COMMENT ON COLUMN ops.cdc_files.last_lsn IS 'Position of its last change';
COMMENT ON COLUMN ops.cdc_files.changes IS 'Rows of the file';
COMMENT ON COLUMN ops.cdc_files.bytes IS 'Size of the file';
COMMENT ON COLUMN ops.cdc_files.sha256 IS 'SHA-256 of the file, lower-case hexadecimal';
COMMENT ON COLUMN ops.cdc_files.published_at IS 'When the manifest of its day listed it';
