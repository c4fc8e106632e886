-- From which moment on the history of a dirty entity changed: transform compares only the versions
-- that reach this moment or begin after it. Marks that are there already, and those of an entity
-- that was only now inferred, say nothing about it: its whole history is compared.
ALTER TABLE ops.dirty_entities
    ADD COLUMN since timestamptz NOT NULL DEFAULT '-infinity';

COMMENT ON COLUMN ops.dirty_entities.since IS
    'earliest moment at which its history changed since it was last transformed; -infinity: compare it as a whole';

-- The versions of an entity stand together in this index, so each change goes between others. With
-- room in its pages, they are not split by the first changes after a load.
ALTER INDEX warehouse.dim_customer_customer_id_valid_from_key SET (fillfactor = 70);
ALTER INDEX warehouse.dim_product_product_id_valid_from_key SET (fillfactor = 70);
