-- Which run ended a spell of failures: people are told of a failed run, and once that it is over.

ALTER TABLE ops.runs ADD COLUMN recovered_by text;
COMMENT ON COLUMN ops.runs.recovered_by IS
    'of a failed run: the succeeded run that was told as the end of the failures';

-- What is long over is no news.
UPDATE ops.runs AS failed SET recovered_by = (
    SELECT run_id FROM ops.runs AS later
    WHERE later.status = 'succeeded' AND later.finished_at > failed.finished_at
    ORDER BY later.finished_at, later.run_id LIMIT 1
) WHERE status = 'failed';

CREATE INDEX runs_not_recovered ON ops.runs (run_id) WHERE status = 'failed' AND recovered_by IS NULL;
CREATE INDEX runs_recovered_by ON ops.runs (recovered_by) WHERE recovered_by IS NOT NULL;
