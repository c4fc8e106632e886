-- Takes away what transform looks up besides what without_indexes.sql takes away.
ALTER TABLE warehouse.dim_customer DROP CONSTRAINT dim_customer_customer_id_valid_from_key;
ALTER TABLE warehouse.dim_product DROP CONSTRAINT dim_product_product_id_valid_from_key;
ALTER TABLE core.customer_history DROP CONSTRAINT customer_history_pkey;
ALTER TABLE core.product_history DROP CONSTRAINT product_history_pkey;
DROP INDEX core.transactions_timestamp;
DROP INDEX core.transactions_currency;
