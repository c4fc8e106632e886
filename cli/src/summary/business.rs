//! What the warehouse says after a run, over all runs.

use serde::Serialize;
use shopflow_core::Result;
use shopflow_page::number::thousands_decimal;
use tokio_postgres::Client;

use crate::analytics;
use crate::report::figures::{FIGURES, Figures, is_something, percent};
use crate::table::Table;

/// Customers listed in the report.
const TOP: usize = 5;

/// What the warehouse says after the run, over all runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Business {
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
    /// Transactions of guests.
    pub without_customer: String,
    /// First and last day with a sale, whichever run brought it.
    pub days: Option<(String, String)>,
    pub top_customers: Vec<TopCustomer>,
}

/// A customer by number: reports show no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopCustomer {
    pub customer_id: String,
    pub country: Option<String>,
    pub transactions: String,
    pub revenue: String,
}

impl Business {
    /// Net revenue, and what is between it and gross, where there is something.
    pub fn revenue_line(&self) -> String {
        let mut line = format!(
            "{} {} net from {} lines of all runs",
            thousands_decimal(&self.revenue),
            self.currency,
            thousands_decimal(&self.transactions),
        );
        if let Some((first, last)) = &self.days {
            line.push_str(&format!(", sold from {first} to {last}"));
        }
        if self.gross != self.revenue {
            line.push_str(&format!(
                " (gross {}, discounts {}, returns {})",
                thousands_decimal(&self.gross),
                thousands_decimal(&self.discounts),
                thousands_decimal(&self.returns),
            ));
        }
        if self.without_customer != "0" {
            let guests = thousands_decimal(&self.without_customer);
            line.push_str(&format!(", {guests} without a customer"));
        }
        line
    }

    /// Tax and shipping, if any; whether prices have them in them, only the shop knows.
    pub fn beside_line(&self) -> Option<String> {
        let parts = [(&self.tax, "tax"), (&self.shipping, "shipping")].into_iter();
        let parts: Vec<String> = parts
            .filter(|(amount, _)| is_something(amount))
            .map(|(amount, what)| format!("{what} {}", thousands_decimal(amount)))
            .collect();
        (!parts.is_empty()).then(|| format!("{}, in no other sum", parts.join(" and ")))
    }

    /// What is left after costs, where some are known, and how much of revenue that is about.
    pub fn margin_line(&self) -> Option<String> {
        if !is_something(&self.costed_revenue) && !is_something(&self.margin) {
            return None;
        }
        let mut line = format!("{} {}", thousands_decimal(&self.margin), self.currency);
        if let Some(rate) = percent(&self.margin, &self.costed_revenue) {
            line.push_str(&format!(", {rate:.1}% of the revenue whose cost is known"));
            if let Some(known) = percent(&self.costed_revenue, &self.revenue) {
                line.push_str(&format!(" ({known:.1}% of all)"));
            }
        }
        Some(line)
    }

    /// Who spent most.
    pub fn top_table(&self) -> Table {
        let mut table = Table::new(&["customer", "country", "lines", "revenue"]);
        for customer in &self.top_customers {
            table.rows.push(vec![
                Some(customer.customer_id.clone()),
                customer.country.clone(),
                Some(thousands_decimal(&customer.transactions)),
                Some(thousands_decimal(&customer.revenue)),
            ]);
        }
        table
    }
}

/// Asks the warehouse.
///
/// # Errors
/// When Postgres refuses.
pub async fn business(client: &Client) -> Result<Business> {
    let figures = Figures::of(&analytics::query(client, FIGURES).await?);
    let guests = analytics::query(
        client,
        "SELECT count(*) AS lines FROM warehouse.fact_sales WHERE customer_key IS NULL",
    )
    .await?;
    let top = analytics::query(
        client,
        &format!(
            "SELECT value.customer_id, customer.country, value.transactions, value.revenue
             FROM warehouse.customer_lifetime_value AS value
             LEFT JOIN warehouse.dim_customer AS customer
                 ON customer.customer_id = value.customer_id AND customer.is_current
             ORDER BY value.revenue DESC, value.customer_id
             LIMIT {TOP}"
        ),
    )
    .await?;
    let cell = |row: &[Option<String>], column: usize| row.get(column).cloned().flatten();
    let top_customers = top
        .rows
        .iter()
        .map(|row| TopCustomer {
            customer_id: cell(row, 0).unwrap_or_default(),
            country: cell(row, 1),
            transactions: cell(row, 2).unwrap_or_default(),
            revenue: cell(row, 3).unwrap_or_default(),
        })
        .collect();
    Ok(Business {
        transactions: figures.transactions,
        revenue: figures.revenue,
        gross: figures.gross,
        discounts: figures.discounts,
        returns: figures.returns,
        tax: figures.tax,
        shipping: figures.shipping,
        costed_revenue: figures.costed_revenue,
        margin: figures.margin,
        currency: figures.currency,
        without_customer: guests.cell(0, "lines").unwrap_or("0").to_owned(),
        days: figures.days,
        top_customers,
    })
}
