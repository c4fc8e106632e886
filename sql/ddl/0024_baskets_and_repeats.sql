-- What a guest bought under one order number was bought together. The tables that count pairs count as
-- never published, so that the next transform computes them. See docs/decisions/0038-a-sale-as-it-was.md.
DELETE FROM ops.publications WHERE table_name IN ('product_pairs', 'product_similarity');

-- Ids that are made of texts lie anywhere, so a file that repeats them makes no ranges. One row says that
-- it repeats all that a file before it has brought. See docs/decisions/0010-confirmations.md.
CREATE TABLE core.confirmed_sources (
    source_id integer NOT NULL REFERENCES core.sources (source_id),
    confirmed_source_id integer NOT NULL REFERENCES core.sources (source_id),
    PRIMARY KEY (source_id, confirmed_source_id),
    CHECK (confirmed_source_id < source_id)
);

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON TABLE core.confirmed_sources IS 'files whose transactions a later source repeats unchanged, all that they still have';
COMMENT ON COLUMN core.confirmed_sources.source_id IS 'file that repeats them';
COMMENT ON COLUMN core.confirmed_sources.confirmed_source_id IS 'file that brought them, and was loaded before';

COMMENT ON TABLE warehouse.product_pairs IS 'Products bought together: one row per two products that share enough baskets. A basket is what one customer bought on one business day, or a guest on one day under one order number; each line of a guest without a number is one of its own. Returns and cancelled sales are in none';
COMMENT ON COLUMN warehouse.product_similarity.source IS 'basket: bought by one customer on one business day, or by a guest under one order number; session: met in one visit of the latest recommendations.session_days';
