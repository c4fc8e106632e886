-- Removes the marks that were read at the start (pending.sql), unless renewed since. Those that the
-- call left for the next one are no longer among them.
DELETE FROM ops.dirty_dates AS d USING pending_dates AS p
WHERE d.event_date = p.event_date AND d.marked_at = p.marked_at;

DELETE FROM ops.dirty_entities AS d USING pending_entities AS p
WHERE d.dataset = p.dataset AND d.id = p.id AND d.marked_at = p.marked_at;

DELETE FROM ops.moved_rows AS d USING pending_moves AS p
WHERE d.id = p.id AND d.from_date = p.from_date AND d.moved_at = p.moved_at;
