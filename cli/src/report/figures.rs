//! Totals of the shop, and the run they rest on.

use crate::table::Table;

/// Totals over the published aggregates. Orders whose price is known are those of the countries.
pub const FIGURES: &str = "SELECT coalesce(sum(transactions), 0) AS transactions,
       coalesce(sum(revenue), 0)::numeric(18, 2) AS revenue,
       coalesce(sum(gross), 0)::numeric(18, 2) AS gross,
       coalesce(sum(discounts), 0)::numeric(18, 2) AS discounts,
       coalesce(sum(returns), 0)::numeric(18, 2) AS returns,
       coalesce(sum(tax), 0)::numeric(18, 2) AS tax,
       coalesce(sum(shipping), 0)::numeric(18, 2) AS shipping,
       coalesce(sum(costed_revenue), 0)::numeric(18, 2) AS costed_revenue,
       coalesce(sum(margin), 0)::numeric(18, 2) AS margin,
       (SELECT currency FROM ops.shop_currency) AS currency,
       (SELECT round(sum(revenue) / nullif(sum(orders), 0), 2) FROM warehouse.country_sales)
           AS average_order_value,
       (SELECT coalesce(sum(customers), 0) FROM warehouse.purchase_frequency WHERE baskets > 0)
           AS customers,
       min(event_date) AS first_day, max(event_date) AS last_day
FROM warehouse.daily_sales";

/// The latest run that succeeded.
pub const AS_OF: &str = "SELECT run_id,
       to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS finished_at, quality_score
FROM ops.runs WHERE status = 'succeeded'
ORDER BY finished_at DESC, run_id DESC LIMIT 1";

/// Totals of the shop, as Postgres writes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Lines: sales, returns and what was cancelled.
    pub transactions: String,
    /// Gross less discounts and returns.
    pub revenue: String,
    pub gross: String,
    pub discounts: String,
    pub returns: String,
    /// In no other sum, as is shipping.
    pub tax: String,
    pub shipping: String,
    /// Revenue of the lines whose cost is known, and what of it is left after their cost.
    pub costed_revenue: String,
    pub margin: String,
    /// What all of these are in, ISO 4217.
    pub currency: String,
    /// Revenue per order; absent while no order has a known price.
    pub average_order_value: Option<String>,
    /// Customers who ever bought; those who only brought something back or cancelled are none.
    pub customers: String,
    /// First and last day with a line; absent before the first.
    pub days: Option<(String, String)>,
}

impl Figures {
    /// From the answer to [`FIGURES`].
    pub fn of(table: &Table) -> Figures {
        let cell = |column: &str| table.cell(0, column).map(str::to_owned);
        Figures {
            transactions: cell("transactions").unwrap_or_default(),
            revenue: cell("revenue").unwrap_or_default(),
            gross: cell("gross").unwrap_or_default(),
            discounts: cell("discounts").unwrap_or_default(),
            returns: cell("returns").unwrap_or_default(),
            tax: cell("tax").unwrap_or_default(),
            shipping: cell("shipping").unwrap_or_default(),
            costed_revenue: cell("costed_revenue").unwrap_or_default(),
            margin: cell("margin").unwrap_or_default(),
            currency: cell("currency").unwrap_or_default(),
            average_order_value: cell("average_order_value"),
            customers: cell("customers").unwrap_or_default(),
            days: cell("first_day").zip(cell("last_day")),
        }
    }

    /// Last day with a line.
    pub fn last_day(&self) -> Option<&str> {
        self.days.as_ref().map(|(_, last)| last.as_str())
    }
}

/// True for an amount, as Postgres writes it, other than zero.
pub fn is_something(amount: &str) -> bool {
    amount.parse::<f64>().is_ok_and(|number| number != 0.0)
}

/// What share an amount is of a whole, 100 for all of it; none where the whole is not above zero.
pub fn percent(part: &str, whole: &str) -> Option<f64> {
    let (part, whole): (f64, f64) = (part.parse().ok()?, whole.parse().ok()?);
    (whole > 0.0).then(|| 100.0 * part / whole)
}

/// The run the report rests on; all absent before one has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AsOf {
    pub run_id: Option<String>,
    /// UTC, `YYYY-MM-DD HH:MM`.
    pub finished_at: Option<String>,
    /// 0 to 100.
    pub quality_score: Option<String>,
}

impl AsOf {
    /// From the answer to [`AS_OF`].
    pub fn of(table: &Table) -> AsOf {
        let cell = |column: &str| table.cell(0, column).map(str::to_owned);
        AsOf {
            run_id: cell("run_id"),
            finished_at: cell("finished_at"),
            quality_score: cell("quality_score"),
        }
    }
}
