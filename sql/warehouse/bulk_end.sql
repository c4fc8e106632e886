-- The keys and indexes that bulk_begin.sql removed, as sql/ddl/0005_star.sql defines them.
ALTER TABLE warehouse.fact_sales
    ADD CONSTRAINT fact_sales_pkey PRIMARY KEY (date_key, transaction_id);
CREATE INDEX fact_sales_customer ON warehouse.fact_sales (customer_key, sold_at);
CREATE INDEX fact_sales_product ON warehouse.fact_sales (product_key, sold_at);
ALTER TABLE warehouse.fact_sales
    ADD CONSTRAINT fact_sales_date_fkey FOREIGN KEY (date_key)
        REFERENCES warehouse.dim_date (date_key),
    ADD CONSTRAINT fact_sales_customer_fkey FOREIGN KEY (customer_key)
        REFERENCES warehouse.dim_customer (customer_key) DEFERRABLE,
    ADD CONSTRAINT fact_sales_product_fkey FOREIGN KEY (product_key)
        REFERENCES warehouse.dim_product (product_key) DEFERRABLE,
    ADD CONSTRAINT fact_sales_payment_method_fkey FOREIGN KEY (payment_method_key)
        REFERENCES warehouse.dim_payment_method (payment_method_key);
ANALYZE warehouse.fact_sales;
