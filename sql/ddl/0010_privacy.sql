-- Personal data: how silver treats it, and whose was erased.

-- What silver was made with. Where policies or key have changed since, transform makes it anew.
CREATE TABLE ops.silver_treatments (
    dataset text PRIMARY KEY,
    treatment text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Requests of customers to be erased, with where the proof lies. No values: only the number stays.
CREATE TABLE ops.erasures (
    request_id text PRIMARY KEY,
    customer_id bigint NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    proof text,
    proved_at timestamptz
);

CREATE INDEX erasures_customer_id ON ops.erasures (customer_id);

COMMENT ON TABLE ops.silver_treatments IS 'How silver treats personal values, one row per dataset';
COMMENT ON COLUMN ops.silver_treatments.dataset IS 'dataset';
COMMENT ON COLUMN ops.silver_treatments.treatment IS
    'treatments by column, and the name of the key of their hashes; empty when all is kept';
COMMENT ON COLUMN ops.silver_treatments.since IS 'when silver was last made anew for it';

COMMENT ON TABLE ops.erasures IS 'Customers whose personal values were erased on request';
COMMENT ON COLUMN ops.erasures.request_id IS 'name of the request, given by whoever made it';
COMMENT ON COLUMN ops.erasures.customer_id IS 'customer number';
COMMENT ON COLUMN ops.erasures.requested_at IS 'when erasing began for the first time';
COMMENT ON COLUMN ops.erasures.proof IS 'key of the proof in the reports bucket; absent until there is one';
COMMENT ON COLUMN ops.erasures.proved_at IS 'when the values were last searched for and not found';
