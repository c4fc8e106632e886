-- A row with the id of a stored one may be a correction of it, or stand for something else: another
-- customer's sale, or one of another product. The second kind is counted by file and in the ledger.
-- What was loaded before has not been looked at, and counts as none. See
-- docs/decisions/0041-replaced-rows.md.
ALTER TABLE ops.load_audit
    ADD COLUMN replaced bigint NOT NULL DEFAULT 0,
    ADD COLUMN replaced_ids bigint[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT replaced_is_a_part CHECK (replaced BETWEEN 0 AND updated + unchanged);

ALTER TABLE ops.ledger
    ADD COLUMN rows_replaced bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT replaced_is_a_part
    CHECK (rows_replaced BETWEEN 0 AND rows_loaded + rows_unchanged);

-- New columns of a view come last.
CREATE OR REPLACE VIEW ops.load_attempts AS
SELECT run_id, dataset, part, source_bucket, source_key, source_version_id, 'loaded' AS outcome,
       rows_in, inserted, updated, unchanged, inferred_members, loaded_by AS attempted_by,
       started_at, finished_at, duration_ms, NULL AS error, NULL AS cause, replaced
FROM ops.load_audit
UNION ALL
SELECT run_id, dataset, part, source_bucket, source_key, source_version_id, 'failed',
       rows_in, 0, 0, 0, 0, attempted_by, started_at, finished_at, duration_ms, error, cause, 0
FROM ops.load_failures;

COMMENT ON COLUMN ops.load_audit.replaced IS 'rows, of those updated or unchanged, whose id stood for something else before: the later one stays';
COMMENT ON COLUMN ops.load_audit.replaced_ids IS 'lowest and highest id of these';
COMMENT ON COLUMN ops.load_attempts.replaced IS 'rows whose id stood for something else before';
COMMENT ON COLUMN ops.ledger.rows_replaced IS 'rows, of those loaded or unchanged, whose id stood for something else before';
