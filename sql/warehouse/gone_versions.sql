-- Facts that name a version which was just removed: there must be none. The foreign keys of the facts
-- are declared, but not enforced (sql/ddl/0013_facts_in_bulk.sql). OFFSET 0 keeps
-- a subquery apart from the query: a look into the index for each of the few versions.
SELECT
    (SELECT count(*) FROM customer_changes AS c
     CROSS JOIN LATERAL (
         SELECT FROM warehouse.fact_sales AS f WHERE f.customer_key = c.customer_key OFFSET 0) AS f
     WHERE NOT c.is_wanted)
    + (SELECT count(*) FROM product_changes AS p
       CROSS JOIN LATERAL (
           SELECT FROM warehouse.fact_sales AS f WHERE f.product_key = p.product_key OFFSET 0) AS f
       WHERE NOT p.is_wanted) AS sales,
    (SELECT count(*) FROM customer_changes AS c
     CROSS JOIN LATERAL (
         SELECT FROM warehouse.fact_sessions AS s WHERE s.customer_key = c.customer_key OFFSET 0) AS s
     WHERE NOT c.is_wanted) AS sessions
