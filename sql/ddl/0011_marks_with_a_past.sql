-- A mark with a moment now also says that an older row stands in the history, so that transform need
-- not look for one. Marks that are there already say nothing about that.
UPDATE ops.dirty_entities SET since = '-infinity' WHERE since > '-infinity';

COMMENT ON COLUMN ops.dirty_entities.since IS
    'earliest moment at which its history changed since it was last transformed, where its history has an older row; else -infinity: compare it as a whole';
