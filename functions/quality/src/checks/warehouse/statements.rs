//! What Postgres is asked about the warehouse.

/// The tables of sales by period.
const PERIODS: [&str; 3] = ["daily_sales", "weekly_sales", "monthly_sales"];

/// One row: entities with no or several current versions, overlaps, gaps.
pub fn dimension(table: &str, id: &str, entity: &str) -> String {
    format!(
        "WITH versions AS (
             SELECT {id} AS id, is_current, valid_from, valid_to,
                    lead(valid_from) OVER history AS next_from,
                    row_number() OVER history = 1 AS is_first
             FROM warehouse.{table}
             WINDOW history AS (PARTITION BY {id} ORDER BY valid_from)
         ), members AS (
             SELECT id, count(*) FILTER (WHERE is_current) AS current_versions
             FROM versions GROUP BY id
         )
         SELECT (SELECT count(*) FROM members WHERE current_versions <> 1)
                + (SELECT count(*) FROM core.{entity} AS e
                   WHERE NOT EXISTS (SELECT FROM members AS m WHERE m.id = e.id)
                     AND NOT EXISTS (SELECT FROM ops.dirty_entities AS d
                                     WHERE d.dataset = '{entity}' AND d.id = e.id)),
                (SELECT count(*) FROM versions WHERE next_from < valid_to),
                (SELECT count(*) FROM versions
                 WHERE next_from > valid_to OR (is_first AND valid_from > '-infinity'))"
    )
}

/// What is wrong with a fact `f` of the version `p` of its product, if `t` is what its sale has of its
/// own and `charged.price` the price in the shop's currency.
const WRONG: &str = "
CROSS JOIN LATERAL (
    SELECT warehouse.line_price(t.currency, t.unit_price, p.price, t.rate) AS price
) AS charged
WHERE (f.sold_at < p.valid_from OR f.sold_at >= p.valid_to
       OR (p.product_key IS NULL) <> (t.id IS NOT NULL AND t.product_id IS NULL)
       OR f.unit_price IS DISTINCT FROM round(charged.price, 2)
       OR f.amount IS DISTINCT FROM warehouse.line_amount(
              f.quantity, charged.price, t.discount, t.status, t.factor)
       OR f.discount IS DISTINCT FROM warehouse.line_discount(
              f.quantity, charged.price, t.discount, t.factor)
       OR f.status IS DISTINCT FROM t.status
       OR f.tax IS DISTINCT FROM warehouse.line_charge(f.quantity, t.tax, t.status, t.factor)
       OR f.shipping IS DISTINCT FROM warehouse.line_charge(
              f.quantity, t.shipping, t.status, t.factor)
       OR f.cost IS DISTINCT FROM warehouse.line_cost(f.quantity, p.cost, t.status)
       OR f.currency IS DISTINCT FROM t.currency
       OR f.exchange_rate IS DISTINCT FROM t.rate
       OR f.charged IS DISTINCT FROM CASE
              WHEN t.currency IS NOT NULL AND t.unit_price IS NOT NULL
                  THEN warehouse.line_amount(f.quantity, t.unit_price, t.discount, t.status, 1)
          END)
  AND NOT EXISTS (
      SELECT FROM ops.dirty_dates AS d
      WHERE d.event_date = (f.sold_at AT TIME ZONE 'UTC')::date)";

/// Facts that are not what their sale was, but for sales that name a currency. Sales that came with
/// values of their own, or without a product, are joined from `core`, which is read once for them.
/// What a load has changed and no transform has recomputed yet is left out.
pub fn mispriced() -> String {
    format!(
        "SELECT count(*)
FROM warehouse.fact_sales AS f
LEFT JOIN warehouse.dim_product AS p USING (product_key)
LEFT JOIN (
    SELECT id, product_id, unit_price, discount, status, tax, shipping, currency,
           1::numeric AS factor, NULL::numeric AS rate
    FROM core.transactions
    WHERE unit_price IS NOT NULL OR discount IS NOT NULL OR status IS NOT NULL
       OR product_id IS NULL OR tax IS NOT NULL OR shipping IS NOT NULL OR currency IS NOT NULL
) AS t ON t.id = f.transaction_id {WRONG}
  AND t.currency IS NULL"
    )
}

/// The same for sales that name a currency. A rate is looked up once for each currency and day.
pub fn misconverted() -> String {
    format!(
        "WITH days AS (
    SELECT DISTINCT currency, (\"timestamp\" AT TIME ZONE 'UTC')::date AS day
    FROM core.transactions
    WHERE currency IS NOT NULL
), rates AS MATERIALIZED (
    SELECT currency, day, warehouse.exchange_rate(currency, day) AS rate FROM days
)
SELECT count(*)
FROM (
    SELECT s.id, s.product_id, s.unit_price, s.discount, s.status, s.tax, s.shipping, s.currency,
           r.rate AS factor, r.rate
    FROM core.transactions AS s
    JOIN rates AS r
        ON r.currency = s.currency AND r.day = (s.\"timestamp\" AT TIME ZONE 'UTC')::date
    WHERE s.currency IS NOT NULL
) AS t
JOIN warehouse.fact_sales AS f ON f.transaction_id = t.id
LEFT JOIN warehouse.dim_product AS p USING (product_key) {WRONG}"
    )
}

/// The first three are of the facts, which are read once for them; the others are to agree with them.
/// Two columns go from gross to net and say what stands beside it, in the tables that have both; the
/// last one is the margin, where it stands by itself.
const OF_FACTS: &str = "
SELECT of_facts.*
FROM (
    SELECT count(*) AS transactions, count(customer_key) AS of_customers,
           count(product_key) AS of_products,
           sum(units) AS units, sum(units) FILTER (WHERE product_key IS NOT NULL) AS product_units,
           sum(amount) AS revenue,
           sum(amount) FILTER (WHERE customer_key IS NOT NULL) AS customer_revenue,
           sum(amount) FILTER (WHERE product_key IS NOT NULL) AS product_revenue,
           sum(warehouse.line_gross(quantity, unit_price, amount, discount, status)) AS gross,
           sum(discount) FILTER (
               WHERE quantity > 0 AND unit_price IS NOT NULL
                 AND status IS DISTINCT FROM 'cancelled') AS discounts,
           sum(tax) AS tax, sum(shipping) AS shipping,
           sum(amount) FILTER (WHERE cost IS NOT NULL) AS costed_revenue,
           sum(amount - cost) AS margin
    FROM warehouse.fact_sales
    CROSS JOIN LATERAL (SELECT warehouse.line_units(quantity, status) AS units) AS line
) AS f
CROSS JOIN LATERAL (
    VALUES
    ('fact_sales', transactions, coalesce(units, 0)::bigint,
     coalesce(revenue, 0)::numeric(38, 2)::text,
     format('gross %s, discounts %s, net %s',
            coalesce(gross, 0)::numeric(38, 2), coalesce(discounts, 0)::numeric(38, 2),
            coalesce(revenue, 0)::numeric(38, 2)),
     format('tax %s, shipping %s, costed revenue %s, margin %s',
            coalesce(tax, 0)::numeric(38, 2), coalesce(shipping, 0)::numeric(38, 2),
            coalesce(costed_revenue, 0)::numeric(38, 2), coalesce(margin, 0)::numeric(38, 2)),
     format('costed revenue %s, margin %s',
            coalesce(costed_revenue, 0)::numeric(38, 2), coalesce(margin, 0)::numeric(38, 2))),
    ('fact_sales_of_customers', of_customers, NULL,
     coalesce(customer_revenue, 0)::numeric(38, 2)::text, NULL, NULL, NULL),
    ('fact_sales_of_products', of_products, coalesce(product_units, 0)::bigint,
     coalesce(product_revenue, 0)::numeric(38, 2)::text, NULL, NULL, NULL)
) AS of_facts";

const OF_OTHERS: &str = "
UNION ALL
SELECT 'product_sales', coalesce(sum(transactions), 0)::bigint, coalesce(sum(units), 0)::bigint,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text, NULL, NULL, NULL
FROM warehouse.product_sales
UNION ALL
SELECT 'category_sales', coalesce(sum(transactions), 0)::bigint, coalesce(sum(units), 0)::bigint,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text, NULL, NULL,
       format('costed revenue %s, margin %s', coalesce(sum(costed_revenue), 0)::numeric(38, 2),
              coalesce(sum(margin), 0)::numeric(38, 2))
FROM warehouse.category_sales
UNION ALL
SELECT 'payment_sales', coalesce(sum(transactions), 0)::bigint, NULL,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text, NULL, NULL, NULL
FROM warehouse.payment_sales
UNION ALL
SELECT 'customer_lifetime_value', coalesce(sum(transactions), 0)::bigint, NULL,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text, NULL, NULL, NULL
FROM warehouse.customer_lifetime_value";

/// One row per table: name, transactions, units, revenue, from gross to net, what is beside it, the
/// margin.
pub fn totals() -> String {
    let sum = |what: &str| format!("coalesce(sum({what}), 0)::numeric(38, 2)");
    let [revenue, gross, discounts, net] =
        ["revenue", "gross", "discounts", "gross - discounts - returns"].map(sum);
    let [tax, shipping, costed, margin] = ["tax", "shipping", "costed_revenue", "margin"].map(sum);
    let of_period = |table: &str| {
        format!(
            "
UNION ALL
SELECT '{table}', coalesce(sum(transactions), 0)::bigint, coalesce(sum(units), 0)::bigint,
       {revenue}::text,
       format('gross %s, discounts %s, net %s', {gross}, {discounts}, {net}),
       format('tax %s, shipping %s, costed revenue %s, margin %s', {tax}, {shipping}, {costed},
              {margin}),
       NULL
FROM warehouse.{table}"
        )
    };
    let periods: String = PERIODS.into_iter().map(of_period).collect();
    format!("{OF_FACTS}{periods}{OF_OTHERS}")
}
