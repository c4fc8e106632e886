//! Does the star schema hold together, and does it hold what `core` holds?

use shopflow_core::Result;
use shopflow_core::dataset::Dimension;
use shopflow_postgres::dimensions::{self, Star};
use shopflow_postgres::{Client, PgResultExt};

use super::dates::{DateFacts, describe};
use super::{Check, Layer, Totals};

/// What the warehouse says about itself.
#[derive(Debug, Clone)]
pub struct WarehouseFacts {
    pub dimensions: Vec<DimensionFacts>,
    /// Facts whose product version was not valid at the sale, or whose price or amount is not that
    /// of the sale.
    pub mispriced: i64,
    pub fact_sales: Totals,
    /// Of the facts that have a customer.
    pub of_customers: Totals,
    /// Of the facts that have a product.
    pub of_products: Totals,
    /// The published aggregates, by table.
    pub aggregates: Vec<(String, Totals)>,
    /// From gross to net, of the facts.
    pub gross_to_net: String,
    /// The same of the tables by period.
    pub periods: Vec<(String, String)>,
}

/// The versions in a dimension.
#[derive(Debug, Clone)]
pub struct DimensionFacts {
    pub table: &'static str,
    /// Entities with no or several current versions.
    pub without_one_current: i64,
    pub overlaps: i64,
    /// Times without a version, the time before the first one included.
    pub gaps: i64,
}

fn dimension_sql(table: &str, id: &str, entity: &str) -> String {
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

/// Sales that came with values of their own, or without a product, are joined from `core`, which is
/// read once for them. What a load has changed and no transform has recomputed yet is left out.
const MISPRICED: &str = "
SELECT count(*)
FROM warehouse.fact_sales AS f
LEFT JOIN warehouse.dim_product AS p USING (product_key)
LEFT JOIN (
    SELECT id, product_id, unit_price, discount, status FROM core.transactions
    WHERE unit_price IS NOT NULL OR discount IS NOT NULL OR status IS NOT NULL
       OR product_id IS NULL
) AS t ON t.id = f.transaction_id
WHERE (f.sold_at < p.valid_from OR f.sold_at >= p.valid_to
       OR (p.product_key IS NULL) <> (t.id IS NOT NULL AND t.product_id IS NULL)
       OR f.unit_price IS DISTINCT FROM round(coalesce(t.unit_price, p.price), 2)
       OR f.amount IS DISTINCT FROM warehouse.line_amount(
              f.quantity, coalesce(t.unit_price, p.price), t.discount, t.status)
       OR f.discount IS DISTINCT FROM warehouse.line_discount(
              f.quantity, coalesce(t.unit_price, p.price), t.discount)
       OR f.status IS DISTINCT FROM t.status)
  AND NOT EXISTS (
      SELECT FROM ops.dirty_dates AS d
      WHERE d.event_date = (f.sold_at AT TIME ZONE 'UTC')::date)";

/// The first three are of the facts; the others are to agree with them. The last column goes from gross
/// to net, in the tables that say how.
const TOTALS: &str = "
SELECT 'fact_sales', count(*), coalesce(sum(warehouse.line_units(quantity, status)), 0)::bigint,
       coalesce(sum(amount), 0)::numeric(38, 2)::text,
       format('gross %s, discounts %s, net %s',
           coalesce(sum(warehouse.line_gross(quantity, unit_price, amount, discount, status)), 0)
               ::numeric(38, 2),
           coalesce(sum(discount) FILTER (
               WHERE quantity > 0 AND unit_price IS NOT NULL
                 AND status IS DISTINCT FROM 'cancelled'), 0)::numeric(38, 2),
           coalesce(sum(amount), 0)::numeric(38, 2))
FROM warehouse.fact_sales
UNION ALL
SELECT 'fact_sales_of_customers', count(*), NULL, coalesce(sum(amount), 0)::numeric(38, 2)::text,
       NULL
FROM warehouse.fact_sales
WHERE customer_key IS NOT NULL
UNION ALL
SELECT 'fact_sales_of_products', count(*),
       coalesce(sum(warehouse.line_units(quantity, status)), 0)::bigint,
       coalesce(sum(amount), 0)::numeric(38, 2)::text, NULL
FROM warehouse.fact_sales
WHERE product_key IS NOT NULL
UNION ALL
SELECT 'daily_sales', coalesce(sum(transactions), 0)::bigint, coalesce(sum(units), 0)::bigint,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text,
       format('gross %s, discounts %s, net %s', coalesce(sum(gross), 0)::numeric(38, 2),
           coalesce(sum(discounts), 0)::numeric(38, 2),
           coalesce(sum(gross - discounts - returns), 0)::numeric(38, 2))
FROM warehouse.daily_sales
UNION ALL
SELECT 'weekly_sales', coalesce(sum(transactions), 0)::bigint, coalesce(sum(units), 0)::bigint,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text,
       format('gross %s, discounts %s, net %s', coalesce(sum(gross), 0)::numeric(38, 2),
           coalesce(sum(discounts), 0)::numeric(38, 2),
           coalesce(sum(gross - discounts - returns), 0)::numeric(38, 2))
FROM warehouse.weekly_sales
UNION ALL
SELECT 'monthly_sales', coalesce(sum(transactions), 0)::bigint, coalesce(sum(units), 0)::bigint,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text,
       format('gross %s, discounts %s, net %s', coalesce(sum(gross), 0)::numeric(38, 2),
           coalesce(sum(discounts), 0)::numeric(38, 2),
           coalesce(sum(gross - discounts - returns), 0)::numeric(38, 2))
FROM warehouse.monthly_sales
UNION ALL
SELECT 'product_sales', coalesce(sum(transactions), 0)::bigint, coalesce(sum(units), 0)::bigint,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text, NULL
FROM warehouse.product_sales
UNION ALL
SELECT 'customer_lifetime_value', coalesce(sum(transactions), 0)::bigint, NULL,
       coalesce(sum(revenue), 0)::numeric(38, 2)::text, NULL
FROM warehouse.customer_lifetime_value";

async fn measure_dimension(
    client: &Client,
    star: Star,
) -> std::result::Result<DimensionFacts, tokio_postgres::Error> {
    let Dimension { table, id, .. } = star.dimension;
    let row = client.query_typed_one(&dimension_sql(table, id, star.dataset.name()), &[]).await?;
    let (without_one_current, overlaps, gaps) = (row.get(0), row.get(1), row.get(2));
    Ok(DimensionFacts { table, without_one_current, overlaps, gaps })
}

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client) -> Result<WarehouseFacts> {
    let dimensions = dimensions::all().into_iter().map(|star| measure_dimension(client, star));
    let (dimensions, mispriced, totals) = tokio::try_join!(
        futures::future::try_join_all(dimensions),
        client.query_typed_one(MISPRICED, &[]),
        client.query_typed(TOTALS, &[]),
    )
    .or_db("measure warehouse")?;
    let (mut aggregates, mut periods) = (Vec::new(), Vec::new());
    for row in &totals {
        let (table, gross_to_net): (String, Option<String>) = (row.get(0), row.get(4));
        periods.extend(gross_to_net.map(|text| (table.clone(), text)));
        let (transactions, units, revenue) = (row.get(1), row.get(2), row.get(3));
        aggregates.push((table, Totals { transactions, units, revenue }));
    }
    let fact_sales = taken(&mut aggregates, "fact_sales")?;
    let of_customers = taken(&mut aggregates, "fact_sales_of_customers")?;
    let of_products = taken(&mut aggregates, "fact_sales_of_products")?;
    let gross_to_net = taken(&mut periods, "fact_sales")?;
    let mispriced = mispriced.get(0);
    Ok(WarehouseFacts {
        dimensions,
        mispriced,
        fact_sales,
        of_customers,
        of_products,
        aggregates,
        gross_to_net,
        periods,
    })
}

/// Takes the totals of one name out of the others.
fn taken<T>(totals: &mut Vec<(String, T)>, name: &str) -> Result<T> {
    match totals.iter().position(|(table, _)| table == name) {
        Some(place) => Ok(totals.remove(place).1),
        None => Err(shopflow_core::Error::internal("totals are missing from the answer")
            .with("table", name)),
    }
}

/// Checks of the warehouse.
pub fn judge(facts: &WarehouseFacts, dates: &DateFacts) -> Vec<Check> {
    let check = |name: String, count: i64| Check::equal(Layer::Warehouse, name, 0, count);
    let mut checks = Vec::new();
    for dimension in &facts.dimensions {
        let table = dimension.table;
        checks.push(
            check(format!("warehouse.{table}.one_current"), dimension.without_one_current)
                .detail("entities with no or several current versions"),
        );
        checks.push(
            check(format!("warehouse.{table}.no_overlaps"), dimension.overlaps)
                .detail("versions that begin before their predecessor ends"),
        );
        checks.push(
            check(format!("warehouse.{table}.no_gaps"), dimension.gaps).detail(
                "times between the versions of an entity, or before the first, without one",
            ),
        );
    }
    checks.push(same_rows(dates));
    checks.push(
        check("warehouse.fact_sales.priced_as_of_sale".to_owned(), facts.mispriced)
            .detail("facts whose product version, price or amount is not that of the sale"),
    );
    for (table, totals) in &facts.aggregates {
        let (expected, of) = match (table.as_str(), totals.units) {
            // Postage and the like are no products.
            ("product_sales", _) => {
                (&facts.of_products, "the facts of products in warehouse.fact_sales")
            }
            (_, Some(_)) => (&facts.fact_sales, "warehouse.fact_sales"),
            // Guests have no lifetime value.
            (_, None) => (&facts.of_customers, "the facts of customers in warehouse.fact_sales"),
        };
        let name = format!("warehouse.{table}.totals");
        checks.push(
            Check::equal(Layer::Warehouse, name, expected, totals)
                .detail(format!("expected from {of}")),
        );
    }
    for (table, gross_to_net) in &facts.periods {
        let name = format!("warehouse.{table}.gross_to_net");
        checks.push(
            Check::equal(Layer::Warehouse, name, &facts.gross_to_net, gross_to_net)
                .detail("expected from warehouse.fact_sales; net is gross - discounts - returns"),
        );
    }
    checks
}

fn same_rows(dates: &DateFacts) -> Check {
    let differing = dates.differing(&dates.facts, |core, facts| core == facts);
    let actual: i64 = dates.settled(&dates.facts).map(|(_, fingerprint)| fingerprint.rows).sum();
    let name = "warehouse.fact_sales.rows";
    Check::equal(Layer::Warehouse, name, dates.settled_core_rows(), actual)
        .passed_if(differing.is_empty())
        .detail(describe(&differing))
}
