-- What is between gross and net, and how many orders there were. Until now nothing was discounted, came
-- back or had an order number, so gross was revenue and each sale an order: those that are there are
-- filled with that, but for the customers, who are many. The tables whose columns are new count as
-- never published, so that the next transform computes them. See
-- docs/decisions/0038-a-sale-as-it-was.md.
ALTER TABLE warehouse.daily_sales
    ADD COLUMN orders bigint NOT NULL DEFAULT 0,
    ADD COLUMN gross numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN discounts numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN returns numeric(18, 2) NOT NULL DEFAULT 0;

ALTER TABLE warehouse.weekly_sales
    ADD COLUMN orders bigint NOT NULL DEFAULT 0,
    ADD COLUMN gross numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN discounts numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN returns numeric(18, 2) NOT NULL DEFAULT 0;

ALTER TABLE warehouse.monthly_sales
    ADD COLUMN orders bigint NOT NULL DEFAULT 0,
    ADD COLUMN gross numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN discounts numeric(18, 2) NOT NULL DEFAULT 0,
    ADD COLUMN returns numeric(18, 2) NOT NULL DEFAULT 0;

ALTER TABLE warehouse.customer_lifetime_value ADD COLUMN orders bigint NOT NULL DEFAULT 0;
ALTER TABLE warehouse.country_sales ADD COLUMN orders bigint NOT NULL DEFAULT 0;

UPDATE warehouse.daily_sales SET orders = transactions, gross = revenue;
UPDATE warehouse.weekly_sales SET orders = transactions, gross = revenue;
UPDATE warehouse.monthly_sales SET orders = transactions, gross = revenue;
UPDATE warehouse.country_sales SET orders = priced_transactions;

DELETE FROM ops.publications
WHERE table_name IN (
    'daily_sales', 'weekly_sales', 'monthly_sales', 'customer_lifetime_value', 'country_sales');

-- sql/gold says the same of its facts. Functions this plain become part of the statement that calls
-- them.
CREATE FUNCTION warehouse.line_units(quantity integer, status text)
RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN quantity > 0 AND status IN ('cancelled', 'returned') THEN 0 ELSE quantity END
$$;

CREATE FUNCTION warehouse.line_gross(
    quantity integer, unit_price numeric, amount numeric, discount numeric, status text)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN quantity > 0 AND status IN ('refunded', 'returned') THEN round(quantity * unit_price, 2)
        WHEN quantity > 0 AND coalesce(status, '') <> 'cancelled' THEN amount + coalesce(discount, 0)
    END
$$;

COMMENT ON FUNCTION warehouse.line_units(integer, text) IS 'Units of a line: 0 where it was cancelled or returned as a whole, negative where it is a return itself';
COMMENT ON FUNCTION warehouse.line_gross(integer, numeric, numeric, numeric, text) IS 'What a line was sold for before its discount, whatever came back later; null for a return, for a line that was cancelled, and while the price is unknown';

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON COLUMN warehouse.daily_sales.units IS 'Units sold, less those that came back or were cancelled';
COMMENT ON COLUMN warehouse.daily_sales.revenue IS 'Sum of amount over priced sales: gross less discounts and returns';
COMMENT ON COLUMN warehouse.daily_sales.orders IS 'Order numbers, and sales without one; cancelled ones are left out';
COMMENT ON COLUMN warehouse.daily_sales.gross IS 'What was sold, at the prices that were charged, before discounts';
COMMENT ON COLUMN warehouse.daily_sales.discounts IS 'What was taken off at the sale';
COMMENT ON COLUMN warehouse.daily_sales.returns IS 'What came back of the day''s sales as their status says, and the returns of the day';

COMMENT ON COLUMN warehouse.weekly_sales.units IS 'Units sold, less those that came back or were cancelled';
COMMENT ON COLUMN warehouse.weekly_sales.revenue IS 'Sum of amount over priced sales: gross less discounts and returns';
COMMENT ON COLUMN warehouse.weekly_sales.orders IS 'Order numbers, and sales without one; cancelled ones are left out';
COMMENT ON COLUMN warehouse.weekly_sales.gross IS 'What was sold, at the prices that were charged, before discounts';
COMMENT ON COLUMN warehouse.weekly_sales.discounts IS 'What was taken off at the sale';
COMMENT ON COLUMN warehouse.weekly_sales.returns IS 'What came back of the week''s sales as their status says, and the returns of the week';

COMMENT ON COLUMN warehouse.monthly_sales.units IS 'Units sold, less those that came back or were cancelled';
COMMENT ON COLUMN warehouse.monthly_sales.revenue IS 'Sum of amount over priced sales: gross less discounts and returns';
COMMENT ON COLUMN warehouse.monthly_sales.orders IS 'Order numbers, and sales without one; cancelled ones are left out';
COMMENT ON COLUMN warehouse.monthly_sales.gross IS 'What was sold, at the prices that were charged, before discounts';
COMMENT ON COLUMN warehouse.monthly_sales.discounts IS 'What was taken off at the sale';
COMMENT ON COLUMN warehouse.monthly_sales.returns IS 'What came back of the month''s sales as their status says, and the returns of the month';

COMMENT ON COLUMN warehouse.product_sales.units IS 'Units sold, less those that came back or were cancelled';
COMMENT ON COLUMN warehouse.category_sales.units IS 'units sold, less those that came back or were cancelled';
COMMENT ON COLUMN warehouse.supplier_sales.units IS 'units sold, less those that came back or were cancelled';

COMMENT ON COLUMN warehouse.customer_lifetime_value.average_order_value IS 'revenue / orders; revenue where there is no order';
COMMENT ON COLUMN warehouse.customer_lifetime_value.orders IS 'Order numbers, and sales without one; cancelled ones are left out';
COMMENT ON COLUMN warehouse.country_sales.orders IS 'order numbers with a priced sale, and priced sales without a number; cancelled ones are left out';

COMMENT ON TABLE warehouse.basket_sizes IS 'Baskets by their number of lines; a basket is all that a customer buys on one day, or of it what has one order number, and each sale to a guest without a number is one. Returns are in none';
COMMENT ON COLUMN warehouse.basket_sizes.units IS 'units in them, without those that were cancelled or returned';
COMMENT ON TABLE warehouse.purchase_frequency IS 'Customers by the number of baskets they have bought; a basket is all that a customer buys on one day, or of it what has one order number. Guests are nobody';
COMMENT ON COLUMN warehouse.purchase_frequency.baskets IS 'baskets they bought; 0 for those who only brought something back';
