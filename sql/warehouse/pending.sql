-- Remembers the marks that transform found, with the moment of each: only a mark that was not
-- renewed meanwhile may be removed at the end. A mark without a moment is not in ops. The facts of
-- a date to be rebuilt are written anew; on the others only single facts change.
CREATE TEMP TABLE pending_entities AS
SELECT dataset, id, since, marked_at FROM ops.dirty_entities;

CREATE TEMP TABLE pending_dates AS
SELECT event_date, marked_at, true AS rebuild FROM ops.dirty_dates;

CREATE TEMP TABLE pending_moves AS
SELECT id, from_date, moved_at FROM ops.moved_rows;

ALTER TABLE pending_entities ADD PRIMARY KEY (dataset, id);
ALTER TABLE pending_dates ADD PRIMARY KEY (event_date);

ANALYZE pending_entities;
ANALYZE pending_dates;
