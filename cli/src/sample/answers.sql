-- The gold tables that answer the questions about all sales and visits, asked of the star in
-- Postgres: for a warehouse that transform does not fill, and to hold transform's answers against.
-- Days and months are those of the business time zone. A purchase is a line that was sold and not
-- cancelled.

INSERT INTO warehouse.country_sales
    (month_start, country, transactions, priced_transactions, revenue, orders)
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date,
    coalesce(c.country::text, 'unknown'),
    count(*),
    count(f.amount),
    coalesce(sum(f.amount), 0),
    count(DISTINCT f.order_id) FILTER (WHERE sale.is_order)
        + count(*) FILTER (WHERE sale.is_order AND f.order_id IS NULL)
FROM warehouse.fact_sales AS f
LEFT JOIN warehouse.dim_customer AS c USING (customer_key)
CROSS JOIN warehouse.business_zone AS z
CROSS JOIN LATERAL (
    SELECT f.quantity > 0 AND f.amount IS NOT NULL AND f.status IS DISTINCT FROM 'cancelled'
        AS is_order
) AS sale
GROUP BY 1, 2;

INSERT INTO warehouse.category_sales
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date,
    coalesce(p.category, 'unknown'),
    count(*),
    sum(warehouse.line_units(f.quantity, f.status)),
    coalesce(sum(f.amount), 0),
    count(f.cost),
    coalesce(sum(f.amount) FILTER (WHERE f.cost IS NOT NULL), 0),
    coalesce(sum(f.amount - f.cost), 0)
FROM warehouse.fact_sales AS f
LEFT JOIN warehouse.dim_product AS p USING (product_key)
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

INSERT INTO warehouse.supplier_sales
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date,
    coalesce(p.supplier, 'unknown'),
    count(*),
    sum(warehouse.line_units(f.quantity, f.status)),
    coalesce(sum(f.amount), 0)
FROM warehouse.fact_sales AS f
LEFT JOIN warehouse.dim_product AS p USING (product_key)
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

INSERT INTO warehouse.payment_sales
SELECT
    date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date,
    coalesce(m.payment_method, 'unknown'),
    count(*),
    count(f.amount),
    count(*) FILTER (WHERE f.quantity > 0 AND f.status IS DISTINCT FROM 'cancelled'),
    coalesce(sum(f.amount), 0)
FROM warehouse.fact_sales AS f
LEFT JOIN warehouse.dim_payment_method AS m USING (payment_method_key)
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;

INSERT INTO warehouse.basket_sizes
SELECT lines, count(*), sum(units), sum(revenue)
FROM (
    SELECT
        count(*) AS lines,
        sum(warehouse.line_units(f.quantity, f.status)) AS units,
        coalesce(sum(f.amount), 0) AS revenue
    FROM warehouse.fact_sales AS f
    LEFT JOIN warehouse.dim_customer AS c USING (customer_key)
    CROSS JOIN warehouse.business_zone AS z
    WHERE f.quantity > 0 AND f.status IS DISTINCT FROM 'cancelled'
    GROUP BY coalesce(c.customer_id, CASE WHEN f.order_id IS NULL THEN -f.transaction_id END),
             (f.sold_at AT TIME ZONE z.time_zone)::date,
             f.order_id
) AS basket
GROUP BY lines;

INSERT INTO warehouse.purchase_frequency
SELECT baskets, count(*), sum(revenue)
FROM (
    SELECT
        count(DISTINCT ((f.sold_at AT TIME ZONE z.time_zone)::date, f.order_id))
            FILTER (WHERE f.quantity > 0 AND f.status IS DISTINCT FROM 'cancelled') AS baskets,
        coalesce(sum(f.amount), 0) AS revenue
    FROM warehouse.fact_sales AS f
    JOIN warehouse.dim_customer AS c USING (customer_key)
    CROSS JOIN warehouse.business_zone AS z
    GROUP BY c.customer_id
) AS customer
GROUP BY baskets;

INSERT INTO warehouse.cohort_activity
SELECT
    cohort_month,
    12 * (extract(year FROM month_start) - extract(year FROM cohort_month))
        + extract(month FROM month_start) - extract(month FROM cohort_month),
    count(*) FILTER (WHERE purchases > 0),
    coalesce(sum(revenue), 0)
FROM (
    SELECT
        month_start,
        min(month_start) FILTER (WHERE purchases > 0) OVER (PARTITION BY customer_id)
            AS cohort_month,
        purchases,
        revenue
    FROM (
        SELECT
            c.customer_id,
            date_trunc('month', f.sold_at AT TIME ZONE z.time_zone)::date AS month_start,
            count(*) FILTER (WHERE f.quantity > 0 AND f.status IS DISTINCT FROM 'cancelled')
                AS purchases,
            sum(f.amount) AS revenue
        FROM warehouse.fact_sales AS f
        JOIN warehouse.dim_customer AS c USING (customer_key)
        CROSS JOIN warehouse.business_zone AS z
        GROUP BY 1, 2
    ) AS customer_month
) AS activity
WHERE month_start >= cohort_month
GROUP BY 1, 2;

INSERT INTO warehouse.session_funnel
SELECT
    date_trunc('month', f.started_at AT TIME ZONE z.time_zone)::date,
    f.device,
    count(*),
    count(*) FILTER (WHERE f.product_views + f.cart_adds + f.checkouts + f.purchases > 0),
    count(*) FILTER (WHERE f.cart_adds + f.checkouts + f.purchases > 0),
    count(*) FILTER (WHERE f.checkouts + f.purchases > 0),
    count(*) FILTER (WHERE f.purchases > 0)
FROM warehouse.fact_sessions AS f
CROSS JOIN warehouse.business_zone AS z
GROUP BY 1, 2;
