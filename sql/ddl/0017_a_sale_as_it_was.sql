-- A sale carries what was charged: its own price, a discount, what became of it, and the order it
-- belongs to. A line may be a return (its quantity is negative), or have no customer (a guest).
-- Files that brought such columns before they were known have them in `extra`. They count once the
-- files are uploaded again: nothing is moved here, since core and silver would no longer agree.
-- See docs/decisions/0038-a-sale-as-it-was.md.
-- Only the pipeline writes these tables, and its readers know of nulls:
-- squawk-ignore-file ban-drop-not-null
ALTER TABLE core.transactions
    ADD COLUMN order_id text,
    ADD COLUMN line integer,
    ADD COLUMN unit_price numeric(12, 4),
    ADD COLUMN discount numeric(12, 4),
    ADD COLUMN status text,
    ALTER COLUMN customer_id DROP NOT NULL,
    DROP CONSTRAINT transactions_quantity_check,
    -- Those that are there are positive.
    ADD CONSTRAINT transactions_quantity_check CHECK (quantity <> 0) NOT VALID;

ALTER TABLE core.transaction_history
    ADD COLUMN order_id text,
    ADD COLUMN line integer,
    ADD COLUMN unit_price numeric(12, 4),
    ADD COLUMN discount numeric(12, 4),
    ADD COLUMN status text,
    ALTER COLUMN customer_id DROP NOT NULL;

ALTER TABLE warehouse.fact_sales
    ADD COLUMN order_id text,
    ADD COLUMN discount numeric(18, 2),
    ADD COLUMN status text,
    ALTER COLUMN customer_key DROP NOT NULL;

-- What a line brought, in one place; sql/gold/fact_sales.sql says the same. Amounts have the sign of
-- the quantity. Functions this plain become part of the statement that calls them.
CREATE FUNCTION warehouse.line_discount(quantity integer, unit_price numeric, discount numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN discount <= 1 THEN round(quantity * unit_price * discount, 2)
        WHEN quantity > 0 THEN round(discount, 2)
        ELSE -round(discount, 2)
    END
$$;

CREATE FUNCTION warehouse.line_amount(
    quantity integer, unit_price numeric, discount numeric, status text)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN quantity > 0 AND status IN ('cancelled', 'refunded', 'returned') THEN 0.00
        ELSE round(quantity * unit_price, 2)
             - coalesce(warehouse.line_discount(quantity, unit_price, discount), 0)
    END
$$;

CREATE FUNCTION warehouse.lost_sale(sold_at timestamptz)
RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RAISE EXCEPTION 'the customer of a sale at % has no version of that moment', sold_at
        USING ERRCODE = 'not_null_violation';
END
$$;

COMMENT ON FUNCTION warehouse.line_discount(integer, numeric, numeric) IS 'What was taken off a line: up to 1 a share of it, over 1 money; rounded to cents, negative for a return';
COMMENT ON FUNCTION warehouse.line_amount(integer, numeric, numeric, text) IS 'What a line brought: quantity x price less discount, each rounded to cents; negative for a return, 0 for a line that was cancelled, returned or refunded';
COMMENT ON FUNCTION warehouse.lost_sale(timestamptz) IS 'Ends the statement, in place of a key: no sale gets lost because its customer has no version';

-- As before, with guests and three more columns at the end: views that read it stay.
CREATE OR REPLACE VIEW warehouse.sales AS
SELECT
    f.transaction_id,
    f.sold_at,
    d.date AS event_date,
    c.customer_id,
    c.country,
    p.product_id,
    p.name AS product,
    p.category,
    p.supplier,
    f.quantity,
    f.unit_price,
    f.amount,
    f.order_id,
    f.discount,
    f.status
FROM warehouse.fact_sales AS f
JOIN warehouse.dim_date AS d USING (date_key)
LEFT JOIN warehouse.dim_customer AS c USING (customer_key)
JOIN warehouse.dim_product AS p USING (product_key);

-- Files of gold lack the columns that facts have now: the next calls of transform write all of them
-- once more, and leave in the warehouse what is right already.
INSERT INTO ops.dirty_dates (event_date)
SELECT d.date
FROM warehouse.dim_date AS d
-- One look into the index for each date, however many facts there are.
CROSS JOIN LATERAL (
    SELECT f.date_key FROM warehouse.fact_sales AS f WHERE f.date_key = d.date_key LIMIT 1
) AS sold
ON CONFLICT (event_date) DO UPDATE SET marked_at = excluded.marked_at;

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON COLUMN core.transactions.customer_id IS 'who bought; absent for a guest';
COMMENT ON COLUMN core.transactions.quantity IS 'units sold; negative for what came back';
COMMENT ON COLUMN core.transactions.order_id IS 'order that the line belongs to';
COMMENT ON COLUMN core.transactions.line IS 'number of the line within its order';
COMMENT ON COLUMN core.transactions.unit_price IS 'price per unit that was charged, before the discount; else the list price of the moment';
COMMENT ON COLUMN core.transactions.discount IS 'taken off the line: up to 1 a share, over 1 money';
COMMENT ON COLUMN core.transactions.status IS 'what became of the line; completed if absent';

COMMENT ON COLUMN core.transaction_history.customer_id IS 'who bought; absent for a guest';
COMMENT ON COLUMN core.transaction_history.quantity IS 'units sold; negative for what came back';
COMMENT ON COLUMN core.transaction_history.order_id IS 'order that the line belongs to';
COMMENT ON COLUMN core.transaction_history.line IS 'number of the line within its order';
COMMENT ON COLUMN core.transaction_history.unit_price IS 'price per unit that was charged, before the discount; else the list price of the moment';
COMMENT ON COLUMN core.transaction_history.discount IS 'taken off the line: up to 1 a share, over 1 money';
COMMENT ON COLUMN core.transaction_history.status IS 'what became of the line; completed if absent';

COMMENT ON TABLE warehouse.fact_sales IS 'Sales: one row per transaction line, at the price that was charged; partitioned by month of date_key';
COMMENT ON COLUMN warehouse.fact_sales.customer_key IS 'Version of the customer at the moment of sale; null for a guest';
COMMENT ON COLUMN warehouse.fact_sales.quantity IS 'Units sold; negative for what came back';
COMMENT ON COLUMN warehouse.fact_sales.unit_price IS 'Price per unit that was charged, in cents: the sale''s own, else the list price of its moment; null while neither is known';
COMMENT ON COLUMN warehouse.fact_sales.amount IS 'What the line brought: quantity x price less discount; negative for a return, 0 for a line that was cancelled, returned or refunded; null while the price is unknown';
COMMENT ON COLUMN warehouse.fact_sales.order_id IS 'Order that the line belongs to; null where the source has none';
COMMENT ON COLUMN warehouse.fact_sales.discount IS 'Money taken off the line, negative for a return; null where the source has none';
COMMENT ON COLUMN warehouse.fact_sales.status IS 'What became of the line: cancelled, completed, refunded or returned; null where the source has none, which is completed';

COMMENT ON COLUMN warehouse.sales.customer_id IS 'number of the customer; absent for a guest';
COMMENT ON COLUMN warehouse.sales.country IS 'country of residence then, ISO 3166-1 alpha-2; absent for an inferred member and for a guest';
COMMENT ON COLUMN warehouse.sales.quantity IS 'units sold; negative for what came back';
COMMENT ON COLUMN warehouse.sales.unit_price IS 'price per unit that was charged, else the list price then; absent while neither is known';
COMMENT ON COLUMN warehouse.sales.amount IS 'what the line brought, after its discount; negative for a return; absent while the price is not known';
COMMENT ON COLUMN warehouse.sales.order_id IS 'order that the line belongs to; absent where the source has none';
COMMENT ON COLUMN warehouse.sales.discount IS 'money taken off the line; absent where the source has none';
COMMENT ON COLUMN warehouse.sales.status IS 'what became of the line: cancelled, completed, refunded or returned; absent where the source has none, which is completed';

COMMENT ON COLUMN warehouse.daily_sales.customers IS 'Different customers, without guests';
COMMENT ON COLUMN warehouse.daily_sales.units IS 'Units sold, less those that came back';
COMMENT ON COLUMN warehouse.daily_sales.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON COLUMN warehouse.weekly_sales.customers IS 'Different customers, without guests';
COMMENT ON COLUMN warehouse.weekly_sales.units IS 'Units sold, less those that came back';
COMMENT ON COLUMN warehouse.weekly_sales.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON COLUMN warehouse.monthly_sales.customers IS 'Different customers, without guests';
COMMENT ON COLUMN warehouse.monthly_sales.units IS 'Units sold, less those that came back';
COMMENT ON COLUMN warehouse.monthly_sales.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON COLUMN warehouse.product_sales.units IS 'Units sold, less those that came back';
COMMENT ON COLUMN warehouse.product_sales.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON COLUMN warehouse.country_sales.country IS 'ISO 3166-1 alpha-2, or ''unknown'' for guests and while the customer is an inferred member';
COMMENT ON COLUMN warehouse.country_sales.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON COLUMN warehouse.category_sales.units IS 'units sold, less those that came back';
COMMENT ON COLUMN warehouse.category_sales.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON COLUMN warehouse.supplier_sales.units IS 'units sold, less those that came back';
COMMENT ON COLUMN warehouse.supplier_sales.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON TABLE warehouse.basket_sizes IS 'Baskets by their number of lines; a basket is all that a customer buys on one day, and each sale to a guest is one. Returns are in none';
COMMENT ON COLUMN warehouse.basket_sizes.revenue IS 'what they brought, after discounts';
COMMENT ON TABLE warehouse.purchase_frequency IS 'Customers by the number of baskets they have bought; a basket is all that a customer buys on one day. Guests are nobody';
COMMENT ON COLUMN warehouse.purchase_frequency.baskets IS 'days on which they bought; 0 for those who only brought something back';
COMMENT ON COLUMN warehouse.purchase_frequency.revenue IS 'what they spent, after discounts and returns';
COMMENT ON TABLE warehouse.cohort_activity IS 'Customers with sales or returns, by the month of their first and the months since';
COMMENT ON COLUMN warehouse.cohort_activity.customers IS 'customers of the cohort with sales or returns in that month';
COMMENT ON COLUMN warehouse.cohort_activity.revenue IS 'what they spent in that month, after discounts and returns';
COMMENT ON TABLE warehouse.customer_lifetime_value IS 'Historical value of each customer who ever bought; guests are nobody';
COMMENT ON COLUMN warehouse.customer_lifetime_value.first_purchase IS 'Business day of the first sale; of the first return where there is no sale';
COMMENT ON COLUMN warehouse.customer_lifetime_value.last_purchase IS 'Business day of the latest sale; of the latest return where there is no sale';
COMMENT ON COLUMN warehouse.customer_lifetime_value.transactions IS 'Sales and returns';
COMMENT ON COLUMN warehouse.customer_lifetime_value.revenue IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON COLUMN warehouse.customer_lifetime_value.average_order_value IS 'revenue / sales, without returns';
COMMENT ON COLUMN warehouse.customer_rfm.last_purchase IS 'Business day of the latest sale; of the latest return where there is no sale';
COMMENT ON COLUMN warehouse.customer_rfm.frequency IS 'Business days with a purchase; 0 for those who only brought something back';
COMMENT ON COLUMN warehouse.customer_rfm.monetary IS 'Sum of amount over priced sales: after discounts and returns';
COMMENT ON TABLE warehouse.product_pairs IS 'Products bought together: one row per two products that share enough baskets (a customer''s purchases of a business day; returns and guests'' single sales make no pairs)';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.repeat_purchases IS 'Business days with a purchase after the first one; days with nothing but returns are none';
