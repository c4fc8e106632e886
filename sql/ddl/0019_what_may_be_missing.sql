-- What shops do not always know may be missing: e-mail, day of registration and country of customers,
-- the supplier of products, the product of a sale (a line may be postage or a voucher) and how it was
-- paid. See docs/decisions/0044-what-may-be-missing.md.
-- Nothing is written anew: what is there has all of it, and stays as it is.
-- Only the pipeline writes these tables, and its readers know of nulls:
-- squawk-ignore-file ban-drop-not-null
ALTER TABLE core.customers
    DROP CONSTRAINT customers_check,
    -- Those that are there have more than that.
    ADD CONSTRAINT customers_check
        CHECK (is_inferred OR (name IS NOT NULL AND row_hash IS NOT NULL)) NOT VALID;

ALTER TABLE core.customer_history
    ALTER COLUMN email DROP NOT NULL,
    ALTER COLUMN registration_date DROP NOT NULL,
    ALTER COLUMN country DROP NOT NULL;

ALTER TABLE core.products
    DROP CONSTRAINT products_check,
    ADD CONSTRAINT products_check
        CHECK (is_inferred OR (name IS NOT NULL AND category_id IS NOT NULL AND price IS NOT NULL
                               AND row_hash IS NOT NULL)) NOT VALID;

ALTER TABLE core.product_history ALTER COLUMN supplier DROP NOT NULL;

ALTER TABLE core.transactions
    ALTER COLUMN product_id DROP NOT NULL,
    ALTER COLUMN payment_method_id DROP NOT NULL;

ALTER TABLE core.transaction_history
    ALTER COLUMN product_id DROP NOT NULL,
    ALTER COLUMN payment_method_id DROP NOT NULL;

ALTER TABLE warehouse.fact_sales
    ALTER COLUMN product_key DROP NOT NULL,
    ALTER COLUMN payment_method_key DROP NOT NULL;

-- A product and a way to pay can be lost as a customer can, now that their keys may be null.
CREATE FUNCTION warehouse.lost_sale(what text, sold_at timestamptz)
RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RAISE EXCEPTION 'the % of a sale at % is not in its dimension', what, sold_at
        USING ERRCODE = 'not_null_violation';
END
$$;

COMMENT ON FUNCTION warehouse.lost_sale(text, timestamptz) IS 'Ends the statement, in place of a key: no sale loses what it has because a dimension lacks it';

-- As before, with lines that are no product: views that read it stay.
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
LEFT JOIN warehouse.dim_product AS p USING (product_key);

-- The data dictionary is made from these ---------------------------------------------------------
COMMENT ON COLUMN core.customers.email IS 'e-mail address (personal); absent if unknown';
COMMENT ON COLUMN core.customers.registration_date IS 'day the account was opened; absent if unknown';
COMMENT ON COLUMN core.customers.country IS 'country of residence; absent if unknown';
COMMENT ON COLUMN core.customer_history.email IS 'e-mail address (personal); absent if unknown';
COMMENT ON COLUMN core.customer_history.registration_date IS 'day the account was opened; absent if unknown';
COMMENT ON COLUMN core.customer_history.country IS 'country of residence; absent if unknown';
COMMENT ON COLUMN core.products.supplier_id IS 'who supplies it; absent if unknown';
COMMENT ON COLUMN core.product_history.supplier IS 'name of the supplier; absent if unknown';
COMMENT ON COLUMN core.transactions.product_id IS 'what was bought; absent for a line that is no product, such as postage or a voucher';
COMMENT ON COLUMN core.transactions.payment_method_id IS 'how it was paid; absent if unknown';
COMMENT ON COLUMN core.transaction_history.product_id IS 'what was bought; absent for a line that is no product, such as postage or a voucher';
COMMENT ON COLUMN core.transaction_history.payment_method_id IS 'how it was paid; absent if unknown';

COMMENT ON COLUMN warehouse.dim_customer.email_domain IS 'Domain of the e-mail address, null if unknown; type 2';
COMMENT ON COLUMN warehouse.dim_customer.registration_date IS
    'Day the account was opened, null if unknown; type 1, the latest known value in every version';
COMMENT ON COLUMN warehouse.dim_customer.country IS
    'Country of residence, ISO 3166-1 alpha-2, null if unknown; type 2';
COMMENT ON COLUMN warehouse.dim_product.supplier IS 'Supplier, null if unknown; type 2';
COMMENT ON COLUMN warehouse.fact_sales.product_key IS
    'Version of the product at the moment of sale; null for a line that is no product, such as postage or a voucher';
COMMENT ON COLUMN warehouse.fact_sales.payment_method_key IS 'How it was paid; null if unknown';

COMMENT ON COLUMN warehouse.sales.country IS 'country of residence then, ISO 3166-1 alpha-2; absent for a guest, for an inferred member and if unknown';
COMMENT ON COLUMN warehouse.sales.product_id IS 'number of the product; absent for a line that is no product';
COMMENT ON COLUMN warehouse.sales.product IS 'name of the product then; absent for a line that is no product and for an inferred member';
COMMENT ON COLUMN warehouse.sales.category IS 'category then; absent for a line that is no product and for an inferred member';
COMMENT ON COLUMN warehouse.sales.supplier IS 'supplier then; absent for a line that is no product, for an inferred member and if unknown';

COMMENT ON COLUMN warehouse.current_customers.email_domain IS 'part of the e-mail address after the @; absent if unknown';
COMMENT ON COLUMN warehouse.current_customers.registration_date IS 'day the account was opened; absent if unknown';
COMMENT ON COLUMN warehouse.current_customers.country IS 'country of residence, ISO 3166-1 alpha-2; absent if unknown';
COMMENT ON COLUMN warehouse.current_products.supplier IS 'name of the supplier; absent if unknown';

COMMENT ON TABLE warehouse.product_sales IS 'Sales per product over the whole history; lines that are no product are in none';
COMMENT ON COLUMN warehouse.country_sales.country IS 'ISO 3166-1 alpha-2, or ''unknown'' for guests and where the country of the customer is not known';
COMMENT ON COLUMN warehouse.category_sales.category IS 'category, or ''unknown'' for lines that are no product and while the product is an inferred member';
COMMENT ON COLUMN warehouse.supplier_sales.supplier IS 'name of the supplier, or ''unknown'' for lines that are no product and where the supplier is not known';
