-- Removes the facts of dirty dates, then brings the dimensions to the wanted versions. A version
-- that stays keeps its surrogate key; versions are removed before others become current.
INSERT INTO warehouse.dim_date
SELECT to_char(day, 'YYYYMMDD')::integer, day, extract(year FROM day), extract(quarter FROM day),
       extract(month FROM day), to_char(day, 'FMMonth'), extract(isoyear FROM day),
       extract(week FROM day), extract(day FROM day), extract(isodow FROM day),
       to_char(day, 'FMDay'), extract(isodow FROM day) >= 6
FROM (SELECT event_date AS day FROM pending_dates) AS days
WHERE NOT EXISTS (SELECT FROM warehouse.dim_date AS known WHERE known.date = day);

DELETE FROM warehouse.fact_sales AS f
USING pending_dates AS p, warehouse.dim_date AS d
WHERE d.date = p.event_date AND f.date_key = d.date_key;

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
  AND (v.valid_to, v.row_hash, v.is_inferred) IS DISTINCT FROM (d.valid_to, d.row_hash, d.is_inferred);

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
  AND (v.valid_to, v.row_hash, v.is_inferred) IS DISTINCT FROM (d.valid_to, d.row_hash, d.is_inferred);

INSERT INTO warehouse.dim_product (product_id, name, category, supplier, price,
                                   is_inferred, valid_from, valid_to, is_current, row_hash)
SELECT product_id, name, category, supplier, price, is_inferred, valid_from, valid_to,
       valid_to = 'infinity', row_hash
FROM product_versions AS v
WHERE NOT EXISTS (SELECT FROM warehouse.dim_product AS d
                  WHERE d.product_id = v.product_id AND d.valid_from = v.valid_from)
ORDER BY product_id, valid_from;
