//! Does the star schema hold together, and does it hold what `core` holds?

mod statements;

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
    /// Facts whose product version was not valid at the sale, or whose amounts or cost are not those
    /// of the sale.
    pub mispriced: i64,
    pub fact_sales: Totals,
    /// Of the facts that have a customer.
    pub of_customers: Totals,
    /// Of the facts that have a product.
    pub of_products: Totals,
    /// The published aggregates, by table.
    pub aggregates: Vec<(String, Totals)>,
    /// The money of the facts.
    pub money: Money,
    /// The same of the tables by period.
    pub periods: Vec<(String, Money)>,
    /// What is left after costs: of the facts, and of the tables that have it by itself.
    pub margin: String,
    pub margins: Vec<(String, String)>,
}

/// How the money of a table adds up, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    pub gross_to_net: String,
    /// Tax, shipping, and what is left of revenue after costs.
    pub beside: String,
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

async fn measure_dimension(
    client: &Client,
    star: Star,
) -> std::result::Result<DimensionFacts, tokio_postgres::Error> {
    let Dimension { table, id, .. } = star.dimension;
    let sql = statements::dimension(table, id, star.dataset.name());
    let row = client.query_typed_one(&sql, &[]).await?;
    let (without_one_current, overlaps, gaps) = (row.get(0), row.get(1), row.get(2));
    Ok(DimensionFacts { table, without_one_current, overlaps, gaps })
}

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client) -> Result<WarehouseFacts> {
    let dimensions = dimensions::all().into_iter().map(|star| measure_dimension(client, star));
    let (mispriced, misconverted) = (statements::mispriced(), statements::misconverted());
    let totals = statements::totals();
    let (dimensions, mispriced, misconverted, totals) = tokio::try_join!(
        futures::future::try_join_all(dimensions),
        client.query_typed_one(&mispriced, &[]),
        client.query_typed_one(&misconverted, &[]),
        client.query_typed(&totals, &[]),
    )
    .or_db("measure warehouse")?;
    let (mut aggregates, mut periods, mut margins) = (Vec::new(), Vec::new(), Vec::new());
    for row in &totals {
        let table: String = row.get(0);
        let (gross_to_net, beside): (Option<String>, Option<String>) = (row.get(4), row.get(5));
        if let (Some(gross_to_net), Some(beside)) = (gross_to_net, beside) {
            periods.push((table.clone(), Money { gross_to_net, beside }));
        }
        let margin: Option<String> = row.get(6);
        margins.extend(margin.map(|text| (table.clone(), text)));
        let (transactions, units, revenue) = (row.get(1), row.get(2), row.get(3));
        aggregates.push((table, Totals { transactions, units, revenue }));
    }
    let fact_sales = taken(&mut aggregates, "fact_sales")?;
    let of_customers = taken(&mut aggregates, "fact_sales_of_customers")?;
    let of_products = taken(&mut aggregates, "fact_sales_of_products")?;
    let money = taken(&mut periods, "fact_sales")?;
    let margin = taken(&mut margins, "fact_sales")?;
    let mispriced = mispriced.get::<_, i64>(0) + misconverted.get::<_, i64>(0);
    Ok(WarehouseFacts {
        dimensions,
        mispriced,
        fact_sales,
        of_customers,
        of_products,
        aggregates,
        money,
        periods,
        margin,
        margins,
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
            .detail("facts whose product version, amounts or cost are not those of the sale"),
    );
    let without_units = Totals { units: None, ..facts.fact_sales.clone() };
    for (table, totals) in &facts.aggregates {
        let (expected, of) = match (table.as_str(), totals.units) {
            // Postage and the like are no products.
            ("product_sales", _) => {
                (&facts.of_products, "the facts of products in warehouse.fact_sales")
            }
            ("payment_sales", _) => (&without_units, "warehouse.fact_sales"),
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
    for (table, money) in &facts.periods {
        let name = format!("warehouse.{table}.gross_to_net");
        checks.push(
            Check::equal(Layer::Warehouse, name, &facts.money.gross_to_net, &money.gross_to_net)
                .detail("expected from warehouse.fact_sales; net is gross - discounts - returns"),
        );
        let name = format!("warehouse.{table}.beside_revenue");
        checks.push(
            Check::equal(Layer::Warehouse, name, &facts.money.beside, &money.beside)
                .detail("expected from warehouse.fact_sales; costed is what has a known cost"),
        );
    }
    for (table, margin) in &facts.margins {
        let name = format!("warehouse.{table}.margin");
        checks.push(
            Check::equal(Layer::Warehouse, name, &facts.margin, margin)
                .detail("expected from warehouse.fact_sales; costed is what has a known cost"),
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
