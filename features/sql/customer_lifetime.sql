-- customer_lifetime: what the purchase models expect of each customer. A prediction is about the end of
-- the last day with a sale, and was known when it was computed. Only the latest ones are stored: those
-- before them are known to whoever has read them in their time.
SELECT
    p.customer_id,
    least((p.as_of + 1)::timestamp AT TIME ZONE z.time_zone, v.changed_at) AS event_timestamp,
    v.changed_at AS created_timestamp,
    p.probability_alive::double precision AS probability_alive,
    p.expected_purchases_90d::double precision AS expected_purchases_90d,
    p.expected_purchase_value::double precision AS expected_purchase_value,
    p.predicted_value::double precision AS predicted_value_365d
FROM warehouse.customer_lifetime_prediction AS p
CROSS JOIN warehouse.business_zone AS z
JOIN ops.data_versions AS v ON v.table_name = 'warehouse.customer_lifetime_prediction'
