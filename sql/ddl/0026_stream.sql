-- The click stream: what has been read of each shard, what is counted in slices of ten seconds until
-- its windows are closed, and the closed windows. See docs/streaming.md.
CREATE SCHEMA IF NOT EXISTS stream;

-- One transaction per batch holds the shard's row for update, and the stream's gate (an advisory lock)
-- together with other batches; whoever closes windows holds the gate alone, so no window is closed
-- while a batch adds to it. Row locks would do the same, but batches that follow each other closely
-- could keep the other side waiting for ever.
CREATE TABLE stream.progress (
    stream text PRIMARY KEY,
    watermark timestamptz,
    closed_to timestamptz,
    version bigint NOT NULL DEFAULT 0,
    ticked_at timestamptz,
    watched_since timestamptz,
    checked_to timestamptz
);

CREATE TABLE stream.shards (
    stream text NOT NULL,
    shard text NOT NULL,
    -- Sequence numbers have up to 128 bits and more; they are compared as numbers.
    sequence numeric NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    watermark timestamptz,
    last_arrival timestamptz,
    last_event timestamptz,
    received bigint NOT NULL DEFAULT 0,
    applied bigint NOT NULL DEFAULT 0,
    repeated bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    too_late bigint NOT NULL DEFAULT 0,
    future bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stream, shard),
    CONSTRAINT balanced CHECK (
        received = applied + repeated + duplicates + refused + too_late + future
    )
);

-- The function makes a partition for each hour before it needs it, and drops those nobody can need.
CREATE TABLE stream.seen (
    event_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    PRIMARY KEY (event_id, hour)
) PARTITION BY RANGE (hour);

CREATE TABLE stream.slices (
    stream text NOT NULL,
    definition text NOT NULL,
    definition_version text NOT NULL,
    slice_start timestamptz NOT NULL,
    shard text NOT NULL,
    state bytea NOT NULL,
    is_changed boolean NOT NULL DEFAULT true,
    PRIMARY KEY (stream, definition, definition_version, slice_start, shard)
);
CREATE INDEX slices_changed ON stream.slices (stream, slice_start) WHERE is_changed;

CREATE TABLE stream.windows (
    stream text NOT NULL,
    definition text NOT NULL,
    definition_version text NOT NULL,
    window_name text NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    key jsonb NOT NULL,
    figures jsonb NOT NULL,
    revision integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    is_final boolean NOT NULL DEFAULT false,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stream, definition, window_name, window_start, key)
);
CREATE INDEX windows_open ON stream.windows (stream, definition, window_name, window_end)
WHERE NOT is_final;

CREATE TABLE stream.too_late (
    stream text NOT NULL,
    definition text NOT NULL,
    minute timestamptz NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (stream, definition, minute)
);

CREATE TABLE stream.open_sessions (
    stream text NOT NULL,
    session_id text NOT NULL,
    shard text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    customer_id bigint,
    events integer NOT NULL CHECK (events > 0),
    page_views integer NOT NULL,
    searches integer NOT NULL,
    product_views integer NOT NULL,
    carts integer NOT NULL,
    checkouts integer NOT NULL,
    purchases integer NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    is_bot boolean NOT NULL,
    is_changed boolean NOT NULL DEFAULT true,
    PRIMARY KEY (stream, session_id, shard, started_at)
);
CREATE INDEX open_sessions_ended ON stream.open_sessions (stream, ended_at);
CREATE INDEX open_sessions_changed ON stream.open_sessions (stream, ended_at, session_id)
WHERE is_changed;

CREATE TABLE stream.sessions (
    stream text NOT NULL,
    session_id text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    customer_id bigint,
    events integer NOT NULL CHECK (events > 0),
    page_views integer NOT NULL,
    searches integer NOT NULL,
    product_views integer NOT NULL,
    carts integer NOT NULL,
    checkouts integer NOT NULL,
    purchases integer NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    is_bot boolean NOT NULL,
    revision integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    is_final boolean NOT NULL DEFAULT false,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stream, session_id, started_at)
);
CREATE INDEX sessions_ended ON stream.sessions (stream, ended_at);
CREATE INDEX sessions_open ON stream.sessions (stream, ended_at) WHERE NOT is_final;

CREATE TABLE stream.handovers (
    stream text NOT NULL,
    object_key text NOT NULL,
    objects integer NOT NULL,
    events bigint NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    written_at timestamptz,
    PRIMARY KEY (stream, object_key)
);

CREATE TABLE stream.staged (
    stream text NOT NULL,
    object_key text NOT NULL,
    shard text NOT NULL,
    first_sequence numeric NOT NULL,
    last_sequence numeric NOT NULL,
    event_date date NOT NULL,
    first_event timestamptz NOT NULL,
    last_event timestamptz NOT NULL,
    events bigint NOT NULL,
    bytes bigint NOT NULL,
    staged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    handover text,
    PRIMARY KEY (stream, object_key),
    FOREIGN KEY (stream, handover) REFERENCES stream.handovers (stream, object_key)
);
CREATE INDEX staged_waiting ON stream.staged (stream, staged_at) WHERE handover IS NULL;
CREATE INDEX staged_handover ON stream.staged (stream, handover) WHERE handover IS NOT NULL;

CREATE TABLE stream.outbox (
    id uuid PRIMARY KEY,
    stream text NOT NULL,
    detail_type text NOT NULL,
    detail jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz
);
CREATE INDEX outbox_waiting ON stream.outbox (created_at) WHERE sent_at IS NULL;

COMMENT ON SCHEMA stream IS 'what is known of the click stream: progress, slices, windows, sessions';

COMMENT ON TABLE stream.progress IS 'how far each stream is: one row per stream';
COMMENT ON COLUMN stream.progress.stream IS 'name of the stream';
COMMENT ON COLUMN stream.progress.watermark IS
'no event before this moment is expected any more; never goes back; null before the first event';
COMMENT ON COLUMN stream.progress.closed_to IS
'windows that end by this moment have been closed; null before the first';
COMMENT ON COLUMN stream.progress.version IS 'counts the ticks that changed windows or sessions';
COMMENT ON COLUMN stream.progress.ticked_at IS 'when windows were last closed';
COMMENT ON COLUMN stream.progress.watched_since IS
'since when windows have been closed without a pause; silence before it says nothing';
COMMENT ON COLUMN stream.progress.checked_to IS
'minutes that end by this moment have been compared with the usual volume';

COMMENT ON TABLE stream.shards IS 'what has been read of each shard, and what became of it';
COMMENT ON COLUMN stream.shards.stream IS 'name of the stream';
COMMENT ON COLUMN stream.shards.shard IS 'name of the shard';
COMMENT ON COLUMN stream.shards.sequence IS
'sequence number of the last record that is in effect; records up to it are not counted again';
COMMENT ON COLUMN stream.shards.version IS 'counts the batches of the shard';
COMMENT ON COLUMN stream.shards.watermark IS
'latest accepted event less the time by which events may be out of order';
COMMENT ON COLUMN stream.shards.last_arrival IS 'when Kinesis received the last record';
COMMENT ON COLUMN stream.shards.last_event IS 'latest accepted event';
COMMENT ON COLUMN stream.shards.received IS 'events that the function was given';
COMMENT ON COLUMN stream.shards.applied IS 'events that count in windows or sessions';
COMMENT ON COLUMN stream.shards.repeated IS 'events of records that were in effect already';
COMMENT ON COLUMN stream.shards.duplicates IS 'events whose number had been seen';
COMMENT ON COLUMN stream.shards.refused IS 'events in quarantine';
COMMENT ON COLUMN stream.shards.late IS 'applied events behind the watermark';
COMMENT ON COLUMN stream.shards.too_late IS 'events too late for every window and session';
COMMENT ON COLUMN stream.shards.future IS 'events with a time that has not come yet';
COMMENT ON COLUMN stream.shards.updated_at IS 'when the last batch was committed';

COMMENT ON TABLE stream.seen IS 'numbers of events that have come, for as long as they can come again';
COMMENT ON COLUMN stream.seen.event_id IS 'event number';
COMMENT ON COLUMN stream.seen.hour IS 'hour of the event';

COMMENT ON TABLE stream.slices IS
'what ten seconds of events add to the windows of a definition, by shard; kept until they are final';
COMMENT ON COLUMN stream.slices.stream IS 'name of the stream';
COMMENT ON COLUMN stream.slices.definition IS 'definition of the windows, a file in streams/';
COMMENT ON COLUMN stream.slices.definition_version IS 'hash of the definition';
COMMENT ON COLUMN stream.slices.slice_start IS 'start of the ten seconds';
COMMENT ON COLUMN stream.slices.shard IS 'shard the events came from';
COMMENT ON COLUMN stream.slices.state IS 'accumulators by key, as shared/windows encodes them';
COMMENT ON COLUMN stream.slices.is_changed IS 'true until the windows of the slice have been written';

COMMENT ON TABLE stream.windows IS 'closed windows; late events change them and raise the revision';
COMMENT ON COLUMN stream.windows.stream IS 'name of the stream';
COMMENT ON COLUMN stream.windows.definition IS 'definition of the window, a file in streams/';
COMMENT ON COLUMN stream.windows.definition_version IS 'hash of the definition';
COMMENT ON COLUMN stream.windows.window_name IS 'size, such as 1m, and for sliding windows the step: 15m/1m';
COMMENT ON COLUMN stream.windows.window_start IS 'start of the window, in it';
COMMENT ON COLUMN stream.windows.window_end IS 'end of the window, no longer in it';
COMMENT ON COLUMN stream.windows.key IS
'key columns and their values; empty without a key; {"other": true} for the keys beyond the limit';
COMMENT ON COLUMN stream.windows.figures IS 'figures by name, as the definition has them';
COMMENT ON COLUMN stream.windows.revision IS '1 when the window was closed, more after late events';
COMMENT ON COLUMN stream.windows.is_final IS 'true once no late event can change the window';
COMMENT ON COLUMN stream.windows.closed_at IS 'when this revision was written';

COMMENT ON TABLE stream.too_late IS
'events in no window, since they came too late for the definition or before their time, by minute';
COMMENT ON COLUMN stream.too_late.stream IS 'name of the stream';
COMMENT ON COLUMN stream.too_late.definition IS
'definition of the windows, or sessions; future: events with a time that had not come';
COMMENT ON COLUMN stream.too_late.minute IS 'minute of the events';
COMMENT ON COLUMN stream.too_late.events IS 'how many';

COMMENT ON TABLE stream.open_sessions IS
'visits under way, by shard: intervals of activity with no pause longer than the gap';
COMMENT ON COLUMN stream.open_sessions.stream IS 'name of the stream';
COMMENT ON COLUMN stream.open_sessions.session_id IS 'visit, as the shop names it';
COMMENT ON COLUMN stream.open_sessions.shard IS 'shard the events came from';
COMMENT ON COLUMN stream.open_sessions.started_at IS 'first event';
COMMENT ON COLUMN stream.open_sessions.ended_at IS 'last event';
COMMENT ON COLUMN stream.open_sessions.customer_id IS 'customer, if signed in; the smallest if several';
COMMENT ON COLUMN stream.open_sessions.events IS 'events of all types';
COMMENT ON COLUMN stream.open_sessions.page_views IS 'pages seen';
COMMENT ON COLUMN stream.open_sessions.searches IS 'searches';
COMMENT ON COLUMN stream.open_sessions.product_views IS 'products seen';
COMMENT ON COLUMN stream.open_sessions.carts IS 'products put into the cart';
COMMENT ON COLUMN stream.open_sessions.checkouts IS 'checkouts begun';
COMMENT ON COLUMN stream.open_sessions.purchases IS 'purchases';
COMMENT ON COLUMN stream.open_sessions.revenue IS 'amounts of the purchases, in the currency of the shop';
COMMENT ON COLUMN stream.open_sessions.is_bot IS 'true when no person clicks like that';
COMMENT ON COLUMN stream.open_sessions.is_changed IS
'true until the visit has been written to stream.sessions';

COMMENT ON TABLE stream.sessions IS 'visits that have ended; late events change them and raise the revision';
COMMENT ON COLUMN stream.sessions.stream IS 'name of the stream';
COMMENT ON COLUMN stream.sessions.session_id IS 'visit, as the shop names it';
COMMENT ON COLUMN stream.sessions.started_at IS 'first event';
COMMENT ON COLUMN stream.sessions.ended_at IS 'last event';
COMMENT ON COLUMN stream.sessions.customer_id IS 'customer, if signed in; the smallest if several';
COMMENT ON COLUMN stream.sessions.events IS 'events of all types';
COMMENT ON COLUMN stream.sessions.page_views IS 'pages seen';
COMMENT ON COLUMN stream.sessions.searches IS 'searches';
COMMENT ON COLUMN stream.sessions.product_views IS 'products seen';
COMMENT ON COLUMN stream.sessions.carts IS 'products put into the cart';
COMMENT ON COLUMN stream.sessions.checkouts IS 'checkouts begun';
COMMENT ON COLUMN stream.sessions.purchases IS 'purchases';
COMMENT ON COLUMN stream.sessions.revenue IS 'amounts of the purchases, in the currency of the shop';
COMMENT ON COLUMN stream.sessions.is_bot IS 'true when no person clicks like that';
COMMENT ON COLUMN stream.sessions.revision IS '1 when the visit was closed, more after late events';
COMMENT ON COLUMN stream.sessions.is_final IS 'true once no late event can change the visit';
COMMENT ON COLUMN stream.sessions.closed_at IS 'when this revision was written';

COMMENT ON TABLE stream.handovers IS 'files with the events of the stream that were given to the pipeline';
COMMENT ON COLUMN stream.handovers.stream IS 'name of the stream';
COMMENT ON COLUMN stream.handovers.object_key IS 'file in the landing bucket';
COMMENT ON COLUMN stream.handovers.objects IS 'staged objects it is made of';
COMMENT ON COLUMN stream.handovers.events IS 'events in it';
COMMENT ON COLUMN stream.handovers.decided_at IS 'when its content was decided';
COMMENT ON COLUMN stream.handovers.written_at IS 'when it was written; null while it waits';

COMMENT ON TABLE stream.staged IS 'objects in the lake with the events of a batch as they came';
COMMENT ON COLUMN stream.staged.stream IS 'name of the stream';
COMMENT ON COLUMN stream.staged.object_key IS 'object in the lake bucket';
COMMENT ON COLUMN stream.staged.shard IS 'shard the events came from';
COMMENT ON COLUMN stream.staged.first_sequence IS 'sequence number of the first record';
COMMENT ON COLUMN stream.staged.last_sequence IS 'sequence number of the last record';
COMMENT ON COLUMN stream.staged.event_date IS 'date of the events, UTC';
COMMENT ON COLUMN stream.staged.first_event IS 'earliest event';
COMMENT ON COLUMN stream.staged.last_event IS 'latest event';
COMMENT ON COLUMN stream.staged.events IS 'events in it';
COMMENT ON COLUMN stream.staged.bytes IS 'size of the object, compressed';
COMMENT ON COLUMN stream.staged.staged_at IS 'when it was noted';
COMMENT ON COLUMN stream.staged.handover IS 'file of the landing bucket it is part of; null while it waits';

COMMENT ON TABLE stream.outbox IS 'events for EventBridge, written with what they are about';
COMMENT ON COLUMN stream.outbox.id IS 'made of what the event is about, so that it is there once';
COMMENT ON COLUMN stream.outbox.stream IS 'name of the stream';
COMMENT ON COLUMN stream.outbox.detail_type IS 'Cart abandoned, or Unusual volume';
COMMENT ON COLUMN stream.outbox.detail IS 'what happened';
COMMENT ON COLUMN stream.outbox.occurred_at IS 'when it happened';
COMMENT ON COLUMN stream.outbox.created_at IS 'when it was found';
COMMENT ON COLUMN stream.outbox.sent_at IS 'when EventBridge took it; null while it waits';
