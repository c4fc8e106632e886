-- One table per generated file; they live as long as the connection.
CREATE TEMPORARY TABLE sample_customers (
    id bigint, name text, email text, registration_date date, country text);
CREATE TEMPORARY TABLE sample_products (
    id bigint, name text, category text, price numeric(10, 2), supplier text);
CREATE TEMPORARY TABLE sample_transactions (
    id bigint, customer_id bigint, product_id bigint, quantity integer, "timestamp" timestamptz,
    payment_method text);
CREATE TEMPORARY TABLE sample_clickstream (event jsonb);
