-- Marks are for the entities of any dataset that has a dimension, and say so.
ALTER TABLE ops.dirty_entities DROP CONSTRAINT dirty_entities_dataset_check;

COMMENT ON TABLE ops.dirty_entities IS 'entities whose history changed since their dimension was last built';
COMMENT ON COLUMN ops.dirty_entities.dataset IS 'dataset of the entity';
