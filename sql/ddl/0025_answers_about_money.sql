-- What is left after costs by category, and how customers pay, are answers in gold like the others.
-- Their rows are filled from the facts, so that the report never finds nothing; both tables count as
-- never published, so that the next transform computes them. See docs/decisions/0036-answers-in-gold.md.
ALTER TABLE warehouse.category_sales
    ADD COLUMN costed_transactions bigint NOT NULL DEFAULT 0,
    ADD COLUMN costed_revenue numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN margin numeric(18, 2) NOT NULL DEFAULT 0;

UPDATE warehouse.category_sales AS s
SET costed_transactions = costed.transactions,
    costed_revenue = costed.revenue,
    margin = costed.margin
FROM (
    SELECT
        date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date AS month_start,
        coalesce(p.category, 'unknown') AS category,
        count(*) AS transactions,
        coalesce(sum(f.amount), 0) AS revenue,
        coalesce(sum(f.amount - f.cost), 0) AS margin
    FROM warehouse.fact_sales AS f
    JOIN warehouse.dim_product AS p USING (product_key)
    CROSS JOIN warehouse.business_zone AS z
    WHERE f.cost IS NOT NULL
    GROUP BY 1, 2
) AS costed
WHERE s.month_start = costed.month_start AND s.category = costed.category;

DELETE FROM ops.publications WHERE table_name = 'category_sales';

CREATE TABLE warehouse.payment_sales (
    month_start date NOT NULL,
    payment_method text NOT NULL,
    transactions bigint NOT NULL,
    priced_transactions bigint NOT NULL,
    lines_sold bigint NOT NULL,
    revenue numeric(18, 2) NOT NULL,
    CONSTRAINT payment_sales_pkey PRIMARY KEY (month_start, payment_method)
);
INSERT INTO warehouse.payment_sales
    (month_start, payment_method, transactions, priced_transactions, lines_sold, revenue)
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date,
    coalesce(m.payment_method, 'unknown'),
    count(*),
    count(f.amount),
    count(*) FILTER (WHERE f.quantity > 0 AND f.status IS DISTINCT FROM 'cancelled'),
    coalesce(sum(f.amount), 0)
FROM warehouse.fact_sales AS f
LEFT JOIN warehouse.dim_payment_method AS m USING (payment_method_key)
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON warehouse.payment_sales
    FOR EACH STATEMENT EXECUTE FUNCTION ops.count_change();

INSERT INTO ops.data_versions (table_name) VALUES ('warehouse.payment_sales');

-- Who may read sales may read what is made of them.
DO $$
DECLARE
    reader text;
BEGIN
    FOR reader IN
        SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        FROM pg_class, aclexplode(relacl)
        WHERE oid = 'warehouse.fact_sales'::regclass
          AND privilege_type = 'SELECT' AND grantee <> relowner
    LOOP
        EXECUTE format('GRANT SELECT ON warehouse.payment_sales TO %s', reader);
    END LOOP;
END
$$;

-- As before, with one more column at the end.
CREATE OR REPLACE VIEW warehouse.order_payments AS
WITH sold AS (
    SELECT
        f.order_id,
        coalesce(f.currency, s.currency) AS currency,
        sum(line.charged) AS charged,
        -- As the sale has them: what was converted does not come back to the cent.
        sum(warehouse.line_charge(t.quantity, t.tax, t.status, 1)) AS tax,
        sum(warehouse.line_charge(t.quantity, t.shipping, t.status, 1)) AS shipping,
        count(*) - count(line.charged) AS unpriced_lines
    FROM warehouse.fact_sales AS f
    JOIN core.transactions AS t ON t.id = f.transaction_id
    CROSS JOIN ops.shop_currency AS s
    -- A line without a price of its own has the list price, which is in the shop's currency.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN f.currency IS NULL THEN f.amount
                    ELSE coalesce(f.charged, round(f.amount / f.exchange_rate, 2)) END AS charged
    ) AS line
    WHERE f.order_id IS NOT NULL
    GROUP BY 1, 2
), paid AS (
    SELECT
        p.order_id,
        coalesce(p.currency, s.currency) AS currency,
        count(*) AS payments,
        sum(p.amount) AS paid
    FROM core.payments AS p
    CROSS JOIN ops.shop_currency AS s
    GROUP BY 1, 2
)
SELECT
    order_id,
    currency,
    sold.charged,
    sold.tax,
    sold.shipping,
    coalesce(paid.payments, 0) AS payments,
    paid.paid,
    coalesce(sold.unpriced_lines, 0) AS unpriced_lines
FROM sold
FULL JOIN paid USING (order_id, currency);

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON COLUMN warehouse.category_sales.category IS 'category, or ''unknown'' for lines that are no product and while the product is an inferred member';
COMMENT ON COLUMN warehouse.category_sales.costed_transactions IS 'lines whose cost is known';
COMMENT ON COLUMN warehouse.category_sales.costed_revenue IS 'revenue of the lines whose cost is known';
COMMENT ON COLUMN warehouse.category_sales.margin IS 'costed revenue less what its units cost the shop';

COMMENT ON TABLE warehouse.payment_sales IS 'Sales per month and way to pay, as the sales say it';
COMMENT ON COLUMN warehouse.payment_sales.month_start IS 'first day of the month';
COMMENT ON COLUMN warehouse.payment_sales.payment_method IS 'how it was paid, or ''unknown'' where nobody knows it';
COMMENT ON COLUMN warehouse.payment_sales.transactions IS 'lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.payment_sales.priced_transactions IS 'lines whose price is known';
COMMENT ON COLUMN warehouse.payment_sales.lines_sold IS 'lines that were sold and not cancelled';
COMMENT ON COLUMN warehouse.payment_sales.revenue IS 'what was charged, less what came back';

COMMENT ON COLUMN warehouse.order_payments.unpriced_lines IS 'lines that are not in charged, because their price or exchange rate is not known';
