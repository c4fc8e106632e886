//! Do sales in other currencies wait for an exchange rate? Until it comes, what they brought is in
//! no sum.

use chrono::NaiveDate;
use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};

use super::{Check, Layer};

/// Currencies that are named one by one.
const NAMED: usize = 5;
/// What the check says when nothing waits.
const NONE: &str = "none";

/// Lines in one currency whose money waits for the rate of their day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub currency: String,
    pub lines: i64,
    /// UTC days of the first and the last of them.
    pub first: NaiveDate,
    pub last: NaiveDate,
}

/// A line at the list price, which is in the shop's currency, waits only if it has other money. A shop
/// with one currency pays for a look into an index. What a load has changed and no transform has
/// recomputed yet is left out.
const WAITING: &str = "
SELECT f.currency, count(*), min((f.sold_at AT TIME ZONE 'UTC')::date),
       max((f.sold_at AT TIME ZONE 'UTC')::date)
FROM warehouse.fact_sales AS f
JOIN core.transactions AS t ON t.id = f.transaction_id
WHERE f.currency IS NOT NULL AND f.exchange_rate IS NULL
  AND (t.unit_price IS NOT NULL OR t.discount > 1 OR t.tax IS NOT NULL OR t.shipping IS NOT NULL)
  AND EXISTS (SELECT FROM core.transactions WHERE currency IS NOT NULL)
  AND NOT EXISTS (
      SELECT FROM ops.dirty_dates AS d
      WHERE d.event_date = (f.sold_at AT TIME ZONE 'UTC')::date)
GROUP BY f.currency
ORDER BY count(*) DESC, f.currency";

/// Asks Postgres; most lines first.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client) -> Result<Vec<Waiting>> {
    let rows = client.query_typed(WAITING, &[]).await.or_db("measure exchange rates")?;
    let waiting = |row: &tokio_postgres::Row| Waiting {
        currency: row.get(0),
        lines: row.get(1),
        first: row.get(2),
        last: row.get(3),
    };
    Ok(rows.iter().map(waiting).collect())
}

/// A warning that passes when nothing waits.
pub fn judge(waiting: &[Waiting]) -> Check {
    let mut named: Vec<String> = waiting.iter().take(NAMED).map(described).collect();
    match waiting.len().saturating_sub(NAMED) {
        0 => {}
        1 => named.push("and one more currency".to_owned()),
        more => named.push(format!("and {more} more currencies")),
    }
    let actual = if named.is_empty() { NONE.to_owned() } else { named.join(", ") };
    let days = waiting.iter().map(|it| it.first).min().zip(waiting.iter().map(|it| it.last).max());
    let detail = match days {
        Some((first, last)) if first == last => wanted(&format!("sold on {first}")),
        Some((first, last)) => wanted(&format!("sold from {first} to {last}")),
        None => String::new(),
    };
    Check::equal(Layer::Warehouse, "warehouse.fact_sales.exchange_rates", NONE, actual)
        .warning()
        .detail(detail)
}

fn described(waiting: &Waiting) -> String {
    let lines = if waiting.lines == 1 { "line" } else { "lines" };
    format!("{} {lines} in {}", waiting.lines, waiting.currency)
}

fn wanted(sold: &str) -> String {
    format!(
        "{sold}, in no sum until there is an exchange rate: upload exchange_rates \
         (docs/currencies.md)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Severity;

    fn waiting(currency: &str, lines: i64, first: &str, last: &str) -> Waiting {
        let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
        Waiting { currency: currency.to_owned(), lines, first, last }
    }

    #[test]
    fn lines_that_wait_are_counted_by_currency_and_their_days_are_told() {
        let check = judge(&[
            waiting("USD", 12, "2026-01-13", "2026-01-14"),
            waiting("GBP", 1, "2026-01-12", "2026-01-12"),
        ]);
        assert_eq!((check.passed, check.severity), (false, Severity::Warning));
        assert_eq!(check.actual, "12 lines in USD, 1 line in GBP");
        let detail = check.detail.unwrap();
        assert!(detail.starts_with("sold from 2026-01-12 to 2026-01-14, "), "{detail}");
        assert!(detail.contains("docs/currencies.md"), "{detail}");
        let detail = judge(&[waiting("USD", 1, "2026-01-13", "2026-01-13")]).detail.unwrap();
        assert!(detail.starts_with("sold on 2026-01-13, "), "{detail}");
    }

    #[test]
    fn of_many_currencies_the_first_are_named() {
        let many = |count: usize| {
            let day = "2026-01-13";
            let waiting: Vec<Waiting> =
                (0..count).map(|number| waiting(&format!("X{number}"), 2, day, day)).collect();
            judge(&waiting).actual
        };
        assert!(many(NAMED).ends_with("2 lines in X4"), "{}", many(NAMED));
        assert!(many(NAMED + 1).ends_with("X4, and one more currency"), "{}", many(NAMED + 1));
        assert!(many(NAMED + 2).ends_with("X4, and 2 more currencies"), "{}", many(NAMED + 2));
    }

    #[test]
    fn nothing_that_waits_is_nothing_to_tell() {
        let check = judge(&[]);
        assert!(check.passed && check.detail.is_none());
        assert_eq!(check.actual, NONE);
    }
}
