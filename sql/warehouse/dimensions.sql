-- Brings the dimensions to the wanted versions. A version that stays keeps its surrogate key;
-- versions are removed before others become current. Facts of a removed version get their new one
-- in rekeyed_facts.sql, so the foreign keys wait until then.
SET CONSTRAINTS warehouse.fact_sales_customer_fkey, warehouse.fact_sales_product_fkey,
                warehouse.fact_sessions_customer_fkey DEFERRED;

DELETE FROM warehouse.dim_customer AS d
USING pending_entities AS p
WHERE p.dataset = 'customers' AND d.customer_id = p.id
  AND NOT EXISTS (SELECT FROM customer_versions AS v
                  WHERE v.customer_id = d.customer_id AND v.valid_from = d.valid_from);

UPDATE warehouse.dim_customer AS d
SET email_domain = v.email_domain, registration_date = v.registration_date, country = v.country,
    is_inferred = v.is_inferred, valid_to = v.valid_to, is_current = v.valid_to = 'infinity',
    row_hash = v.row_hash
FROM customer_versions AS v
WHERE v.customer_id = d.customer_id AND v.valid_from = d.valid_from
  AND (v.valid_to, v.row_hash, v.is_inferred, v.registration_date)
      IS DISTINCT FROM (d.valid_to, d.row_hash, d.is_inferred, d.registration_date);

INSERT INTO warehouse.dim_customer (customer_id, email_domain, registration_date, country,
                                    is_inferred, valid_from, valid_to, is_current, row_hash)
SELECT customer_id, email_domain, registration_date, country, is_inferred, valid_from, valid_to,
       valid_to = 'infinity', row_hash
FROM customer_versions AS v
WHERE NOT EXISTS (SELECT FROM warehouse.dim_customer AS d
                  WHERE d.customer_id = v.customer_id AND d.valid_from = v.valid_from)
ORDER BY customer_id, valid_from;

DELETE FROM warehouse.dim_product AS d
USING pending_entities AS p
WHERE p.dataset = 'products' AND d.product_id = p.id
  AND NOT EXISTS (SELECT FROM product_versions AS v
                  WHERE v.product_id = d.product_id AND v.valid_from = d.valid_from);

UPDATE warehouse.dim_product AS d
SET name = v.name, category = v.category, supplier = v.supplier, price = v.price,
    is_inferred = v.is_inferred, valid_to = v.valid_to, is_current = v.valid_to = 'infinity',
    row_hash = v.row_hash
FROM product_versions AS v
WHERE v.product_id = d.product_id AND v.valid_from = d.valid_from
  AND (v.valid_to, v.row_hash, v.is_inferred, v.name)
      IS DISTINCT FROM (d.valid_to, d.row_hash, d.is_inferred, d.name);

INSERT INTO warehouse.dim_product (product_id, name, category, supplier, price,
                                   is_inferred, valid_from, valid_to, is_current, row_hash)
SELECT product_id, name, category, supplier, price, is_inferred, valid_from, valid_to,
       valid_to = 'infinity', row_hash
FROM product_versions AS v
WHERE NOT EXISTS (SELECT FROM warehouse.dim_product AS d
                  WHERE d.product_id = v.product_id AND d.valid_from = v.valid_from)
ORDER BY product_id, valid_from;
