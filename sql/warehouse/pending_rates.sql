-- What the currencies of the sales of the pending dates were worth: a few rows, which facts are joined
-- with, so that no sale has to look for its rate. Without a sale that names a currency there are none,
-- and each date costs a look into an empty index. The rate is null while it is missing.
CREATE TEMP TABLE pending_rates AS
SELECT sold.event_date, sold.currency,
       warehouse.exchange_rate(sold.currency, sold.event_date) AS exchange_rate
FROM (
    SELECT DISTINCT t.event_date, t.currency
    FROM pending_dates AS p
    -- OFFSET 0 keeps the subquery apart from the query: a look into the index for each date.
    CROSS JOIN LATERAL (
        SELECT (s."timestamp" AT TIME ZONE 'UTC')::date AS event_date, s.currency
        FROM core.transactions AS s
        WHERE s.currency IS NOT NULL
          AND s."timestamp" >= p.event_date AT TIME ZONE 'UTC'
          AND s."timestamp" < (p.event_date + 1) AT TIME ZONE 'UTC'
        OFFSET 0
    ) AS t
) AS sold;

ANALYZE pending_rates;
