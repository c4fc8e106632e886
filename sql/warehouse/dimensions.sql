-- Brings the dimensions to the wanted versions. A version that stays keeps its surrogate key;
-- versions are removed before others become current. Facts of a removed version get their new one
-- in rekeyed_facts.sql, or with the other facts of their date.

-- Versions are found by their keys, in time that grows with the changes: the planner would rather
-- read the whole dimension, for a tenth of it several times slower.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;

DELETE FROM warehouse.dim_customer AS d
USING customer_changes AS c
WHERE d.customer_key = c.customer_key AND NOT c.is_wanted;

UPDATE warehouse.dim_customer AS d
SET email_domain = c.email_domain, registration_date = c.registration_date, country = c.country,
    is_inferred = c.is_inferred, valid_to = c.valid_to, is_current = c.valid_to = 'infinity',
    row_hash = CASE WHEN (c.is_inferred, c.email_domain, c.country)
                         IS NOT DISTINCT FROM (d.is_inferred, d.email_domain, d.country)
                    THEN d.row_hash
                    WHEN c.is_inferred THEN sha256('inferred')
                    ELSE sha256(convert_to(jsonb_build_array(c.email_domain, c.country)::text, 'UTF8'))
               END
FROM customer_changes AS c
WHERE d.customer_key = c.customer_key AND c.is_wanted;

INSERT INTO warehouse.dim_customer (customer_id, email_domain, registration_date, country,
                                    is_inferred, valid_from, valid_to, is_current, row_hash)
SELECT customer_id, email_domain, registration_date, country, is_inferred, valid_from, valid_to,
       valid_to = 'infinity',
       CASE WHEN is_inferred THEN sha256('inferred')
            ELSE sha256(convert_to(jsonb_build_array(email_domain, country)::text, 'UTF8')) END
FROM customer_changes
WHERE customer_key IS NULL
ORDER BY customer_id, valid_from;

DELETE FROM warehouse.dim_product AS d
USING product_changes AS c
WHERE d.product_key = c.product_key AND NOT c.is_wanted;

UPDATE warehouse.dim_product AS d
SET name = c.name, category = c.category, supplier = c.supplier, price = c.price,
    is_inferred = c.is_inferred, valid_to = c.valid_to, is_current = c.valid_to = 'infinity',
    row_hash = CASE WHEN (c.is_inferred, c.category, c.supplier, c.price)
                         IS NOT DISTINCT FROM (d.is_inferred, d.category, d.supplier, d.price)
                    THEN d.row_hash
                    WHEN c.is_inferred THEN sha256('inferred')
                    ELSE sha256(convert_to(
                             jsonb_build_array(c.category, c.supplier, c.price)::text, 'UTF8'))
               END
FROM product_changes AS c
WHERE d.product_key = c.product_key AND c.is_wanted;

INSERT INTO warehouse.dim_product (product_id, name, category, supplier, price,
                                   is_inferred, valid_from, valid_to, is_current, row_hash)
SELECT product_id, name, category, supplier, price, is_inferred, valid_from, valid_to,
       valid_to = 'infinity',
       CASE WHEN is_inferred THEN sha256('inferred')
            ELSE sha256(convert_to(jsonb_build_array(category, supplier, price)::text, 'UTF8')) END
FROM product_changes
WHERE product_key IS NULL
ORDER BY product_id, valid_from;

SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;
SET LOCAL jit TO DEFAULT;
