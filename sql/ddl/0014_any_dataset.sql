-- Which datasets there are, their definitions say. Marks are for the entities of any dataset that has a
-- dimension, sources for the files of any dataset that core stores.
ALTER TABLE ops.dirty_entities DROP CONSTRAINT dirty_entities_dataset_check;
ALTER TABLE core.sources DROP CONSTRAINT sources_dataset_check;

COMMENT ON TABLE ops.dirty_entities IS 'entities whose history changed since their dimension was last built';
COMMENT ON COLUMN ops.dirty_entities.dataset IS 'dataset of the entity';
