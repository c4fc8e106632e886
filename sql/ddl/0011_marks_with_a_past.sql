-- A mark with a moment now also says that an older row stands in the history, so that transform need
-- not look for one. Marks that are there already say nothing about that.
UPDATE ops.dirty_entities SET since = '-infinity' WHERE since > '-infinity';

COMMENT ON COLUMN ops.dirty_entities.since IS
    'earliest moment at which its history changed since it was last transformed, where its history has an older row; else -infinity: compare it as a whole';

-- What indexes are for that no question and no stage of transform reads.
COMMENT ON INDEX core.sources_order IS 'load: the files that are not earlier than the one that is loaded';
COMMENT ON INDEX core.transactions_product IS 'readers of core: the sales of a product';
COMMENT ON INDEX warehouse.product_pairs_other IS 'readers: a pair is asked for from either side';
