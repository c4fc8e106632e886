-- customer_rfm: Who are the best customers, and who is about to be lost?
-- Grain: one row per customer who ever bought; guests are nobody.
-- Recency is the days from the last purchase to the shop's last day with a line, frequency the number
-- of business days with a purchase, monetary the revenue, less what came back. Returns and cancelled
-- sales are no purchases. A score is 1 plus five times the share of customers who are strictly worse,
-- rounded down: 5 is the best fifth. Equal customers have equal scores, so a fifth may be larger or
-- empty, and no order of rows decides.
-- Reads gold_fact_sales.
WITH lines AS (
    SELECT
        customer_id,
        business_date,
        amount,
        CASE WHEN quantity > 0 AND (status IS NULL OR status <> 'cancelled') THEN 1 ELSE 0 END
            AS sold
    FROM gold_fact_sales
    WHERE customer_id IS NOT NULL
), purchases AS (
    SELECT
        customer_id,
        max(CASE WHEN sold = 1 THEN business_date END) AS last_purchase,
        count(DISTINCT CASE WHEN sold = 1 THEN business_date END) AS frequency,
        CAST(coalesce(sum(amount), 0) AS decimal(18, 2)) AS monetary
    FROM lines
    GROUP BY customer_id
    HAVING max(sold) = 1
), as_of AS (
    SELECT max(business_date) AS last_line FROM gold_fact_sales
), measured AS (
    SELECT
        p.customer_id,
        p.last_purchase,
        CAST(to_unixtime(CAST(a.last_line AS timestamp)) AS bigint) / 86400
          - CAST(to_unixtime(CAST(p.last_purchase AS timestamp)) AS bigint) / 86400
          AS recency_days,
        p.frequency,
        p.monetary
    FROM purchases AS p
    CROSS JOIN as_of AS a
), ranked AS (
    SELECT
        customer_id,
        last_purchase,
        recency_days,
        frequency,
        monetary,
        rank() OVER (ORDER BY recency_days DESC) AS recency_rank,
        rank() OVER (ORDER BY frequency) AS frequency_rank,
        rank() OVER (ORDER BY monetary) AS monetary_rank,
        count(*) OVER () AS customers
    FROM measured
), scored AS (
    SELECT
        r.customer_id,
        r.last_purchase,
        r.recency_days,
        r.frequency,
        r.monetary,
        1 + CAST(r.recency_rank - 1 AS bigint) * 5 / r.customers AS recency_score,
        1 + CAST(r.frequency_rank - 1 AS bigint) * 5 / r.customers AS frequency_score,
        1 + CAST(r.monetary_rank - 1 AS bigint) * 5 / r.customers AS monetary_score
    FROM ranked AS r
)
SELECT
    customer_id,
    last_purchase,
    recency_days,
    frequency,
    monetary,
    recency_score,
    frequency_score,
    monetary_score,
    CASE
        WHEN recency_score >= 4 AND frequency_score >= 4 THEN 'champions'
        WHEN recency_score >= 3 AND frequency_score >= 3 THEN 'loyal'
        WHEN recency_score >= 4 THEN 'recent'
        WHEN recency_score = 3 THEN 'promising'
        WHEN frequency_score >= 4 THEN 'cannot_lose'
        WHEN frequency_score = 3 THEN 'at_risk'
        WHEN recency_score = 2 THEN 'hibernating'
        ELSE 'lost'
    END AS segment
FROM scored
ORDER BY customer_id
