-- What a guest bought under one order number was bought together. The tables that count pairs count as
-- never published, so that the next transform computes them. See docs/decisions/0038-a-sale-as-it-was.md.
DELETE FROM ops.publications WHERE table_name IN ('product_pairs', 'product_similarity');

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON TABLE warehouse.product_pairs IS 'Products bought together: one row per two products that share enough baskets. A basket is what one customer bought on one business day, or a guest on one day under one order number; each line of a guest without a number is one of its own. Returns and cancelled sales are in none';
COMMENT ON COLUMN warehouse.product_similarity.source IS 'basket: bought by one customer on one business day, or by a guest under one order number; session: met in one visit of the latest recommendations.session_days';
