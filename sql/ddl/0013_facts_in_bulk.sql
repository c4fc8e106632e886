-- Facts are written in bulk. A foreign key that is enforced costs a look-up per row and key, more
-- than half of the time of an insert; transform joins every fact to its versions and fails when one
-- is missing, and sees that no fact names a version that has gone. The keys stay declared where the
-- server knows keys that are not enforced (18 and later), for tools that draw the star from them.
-- See docs/decisions/0035-facts-in-bulk.md.
ALTER TABLE warehouse.fact_sales
    DROP CONSTRAINT fact_sales_date_fkey,
    DROP CONSTRAINT fact_sales_customer_fkey,
    DROP CONSTRAINT fact_sales_product_fkey,
    DROP CONSTRAINT fact_sales_payment_method_fkey;

ALTER TABLE warehouse.fact_sessions
    DROP CONSTRAINT fact_sessions_date_fkey,
    DROP CONSTRAINT fact_sessions_end_date_fkey,
    DROP CONSTRAINT fact_sessions_customer_fkey;

DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        EXECUTE 'ALTER TABLE warehouse.fact_sales
            ADD CONSTRAINT fact_sales_date_fkey FOREIGN KEY (date_key)
                REFERENCES warehouse.dim_date (date_key) NOT ENFORCED,
            ADD CONSTRAINT fact_sales_customer_fkey FOREIGN KEY (customer_key)
                REFERENCES warehouse.dim_customer (customer_key) NOT ENFORCED,
            ADD CONSTRAINT fact_sales_product_fkey FOREIGN KEY (product_key)
                REFERENCES warehouse.dim_product (product_key) NOT ENFORCED,
            ADD CONSTRAINT fact_sales_payment_method_fkey FOREIGN KEY (payment_method_key)
                REFERENCES warehouse.dim_payment_method (payment_method_key) NOT ENFORCED';
        EXECUTE 'ALTER TABLE warehouse.fact_sessions
            ADD CONSTRAINT fact_sessions_date_fkey FOREIGN KEY (date_key)
                REFERENCES warehouse.dim_date (date_key) NOT ENFORCED,
            ADD CONSTRAINT fact_sessions_end_date_fkey FOREIGN KEY (end_date_key)
                REFERENCES warehouse.dim_date (date_key) NOT ENFORCED,
            ADD CONSTRAINT fact_sessions_customer_fkey FOREIGN KEY (customer_key)
                REFERENCES warehouse.dim_customer (customer_key) NOT ENFORCED';
    END IF;
END
$$;

-- A call of transform that would take too long is cut into several. Days whose clicks silver has
-- already, but whose sessions are still to be computed, wait here for the next one.
CREATE TABLE ops.dirty_click_dates (
    event_date date PRIMARY KEY,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE ops.dirty_click_dates IS 'Days whose clicks changed in silver and whose sessions the next call of transform computes';
COMMENT ON COLUMN ops.dirty_click_dates.event_date IS 'UTC date of the clicks';
COMMENT ON COLUMN ops.dirty_click_dates.marked_at IS 'When it was marked';
