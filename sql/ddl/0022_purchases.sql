-- A purchase is a line that was sold and not cancelled, in every table. The tables that count purchases
-- count as never published, so that the next transform computes them. See
-- docs/decisions/0038-a-sale-as-it-was.md.
DELETE FROM ops.publications
WHERE table_name IN (
    'customer_lifetime_value', 'customer_rfm', 'cohort_retention', 'cohort_activity',
    'purchase_frequency', 'basket_sizes', 'customer_lifetime_prediction', 'model_fits',
    'product_pairs', 'product_similarity');

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON COLUMN warehouse.daily_sales.transactions IS 'Lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.daily_sales.unpriced_transactions IS 'Lines that wait for the price of their product';
COMMENT ON COLUMN warehouse.weekly_sales.transactions IS 'Lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.weekly_sales.unpriced_transactions IS 'Lines that wait for the price of their product';
COMMENT ON COLUMN warehouse.monthly_sales.transactions IS 'Lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.monthly_sales.unpriced_transactions IS 'Lines that wait for the price of their product';
COMMENT ON COLUMN warehouse.product_sales.transactions IS 'Lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.country_sales.transactions IS 'lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.country_sales.priced_transactions IS 'lines whose price is known';
COMMENT ON COLUMN warehouse.category_sales.transactions IS 'lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.supplier_sales.transactions IS 'lines: sales, returns and what was cancelled';

COMMENT ON TABLE warehouse.basket_sizes IS 'Baskets by their number of lines; a basket is all that a customer buys on one day, or of it what has one order number, and each line to a guest without a number is one. Lines that bring something back, and cancelled sales, are in none';
COMMENT ON COLUMN warehouse.basket_sizes.lines IS 'lines in the basket';
COMMENT ON COLUMN warehouse.basket_sizes.units IS 'units in them, without those that were returned';
COMMENT ON COLUMN warehouse.purchase_frequency.baskets IS 'baskets they bought; 0 for those who have only returns and cancelled sales';

COMMENT ON TABLE warehouse.cohort_activity IS 'Customers who bought, by the month of their first purchase and the months since in which any of them has a line; cancelled sales are no purchases, and what came back before that month is left out';
COMMENT ON COLUMN warehouse.cohort_activity.customers IS 'customers of the cohort who bought in that month';

COMMENT ON TABLE warehouse.customer_lifetime_value IS 'Historical value of each customer with a line; guests are nobody';
COMMENT ON COLUMN warehouse.customer_lifetime_value.first_purchase IS 'Business day of the first purchase; of the first line where there is no purchase';
COMMENT ON COLUMN warehouse.customer_lifetime_value.last_purchase IS 'Business day of the last purchase; of the last line where there is no purchase';
COMMENT ON COLUMN warehouse.customer_lifetime_value.transactions IS 'Lines: sales, returns and what was cancelled';
COMMENT ON COLUMN warehouse.customer_lifetime_value.projected_annual_value IS 'revenue x 365 / days since the first purchase (at least 30), as of the last purchase of any customer';

COMMENT ON TABLE warehouse.customer_rfm IS 'Recency, frequency and monetary scores of each customer who ever bought, as of the last day with a line';
COMMENT ON COLUMN warehouse.customer_rfm.last_purchase IS 'Business day of the last purchase; returns and cancelled sales are none';
COMMENT ON COLUMN warehouse.customer_rfm.recency_days IS 'Days from the last purchase to the last day with a line of anybody';
COMMENT ON COLUMN warehouse.customer_rfm.frequency IS 'Business days with a purchase';

COMMENT ON COLUMN warehouse.model_fits.as_of IS 'Last day with a line: the end of observation';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.as_of IS 'Last day with a line: predictions begin after it';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.repeat_purchases IS 'Business days with a purchase after the first one; days with nothing but returns or cancelled sales are none';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.recency_days IS 'Days from the first to the last purchase';

COMMENT ON TABLE warehouse.product_pairs IS 'Products bought together: one row per two products that share enough baskets (a customer''s purchases of a business day; returns, cancelled sales and each line to a guest is a basket of its own, and makes none)';
