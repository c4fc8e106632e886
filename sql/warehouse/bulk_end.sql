-- The keys and indexes that bulk_begin.sql removed, as sql/ddl/0002_warehouse.sql defines them.
ALTER TABLE warehouse.fact_sales ADD PRIMARY KEY (transaction_id);
CREATE INDEX fact_sales_date ON warehouse.fact_sales (date_key);
CREATE INDEX fact_sales_customer ON warehouse.fact_sales (customer_key);
CREATE INDEX fact_sales_product ON warehouse.fact_sales (product_key);
ALTER TABLE warehouse.fact_sales
    ADD FOREIGN KEY (date_key) REFERENCES warehouse.dim_date (date_key),
    ADD FOREIGN KEY (customer_key) REFERENCES warehouse.dim_customer (customer_key),
    ADD FOREIGN KEY (product_key) REFERENCES warehouse.dim_product (product_key);
ANALYZE warehouse.fact_sales;
