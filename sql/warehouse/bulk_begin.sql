-- Before many facts go into the empty table: its keys and indexes are built afterwards, at once,
-- instead of row by row. Part of the transaction; bulk_end.sql restores them.
ALTER TABLE warehouse.fact_sales
    DROP CONSTRAINT fact_sales_pkey,
    DROP CONSTRAINT fact_sales_date_fkey,
    DROP CONSTRAINT fact_sales_customer_fkey,
    DROP CONSTRAINT fact_sales_product_fkey,
    DROP CONSTRAINT fact_sales_payment_method_fkey;
DROP INDEX warehouse.fact_sales_customer;
DROP INDEX warehouse.fact_sales_product;
