-- product_pairs: the product that is bought together with each one most often beyond chance, with the time
-- it was computed. Only the latest pairs are stored: those before them are known to whoever has read them
-- in their time.
SELECT DISTINCT ON (p.product_id)
    p.product_id,
    v.changed_at AS event_timestamp,
    v.changed_at AS created_timestamp,
    p.other_product_id AS strongest_partner,
    p.baskets AS partner_baskets,
    p.confidence::double precision AS partner_confidence,
    p.lift::double precision AS partner_lift
FROM (
    SELECT product_id, other_product_id, baskets, confidence, lift FROM warehouse.product_pairs
    UNION ALL
    SELECT other_product_id, product_id, baskets, other_confidence, lift FROM warehouse.product_pairs
) AS p
JOIN ops.data_versions AS v ON v.table_name = 'warehouse.product_pairs'
ORDER BY p.product_id, p.lift DESC, p.baskets DESC, p.other_product_id
