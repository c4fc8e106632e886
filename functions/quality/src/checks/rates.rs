//! Do sales in other currencies wait for an exchange rate? Until it comes, what they brought is in
//! no sum. And are the rates for the base that they are taken for? If not, every conversion is wrong.

use chrono::NaiveDate;
use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};

use super::{Check, Layer};

/// Currencies that are named one by one.
const NAMED: usize = 5;
/// What the checks say when there is nothing to tell.
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

/// Rates of the base currency itself: one unit of it is worth one of it, whatever the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfBase {
    pub currency: String,
    /// Rates that are not 1.
    pub rates: i64,
    /// The day of the latest of them.
    pub latest: NaiveDate,
}

/// Only the rates of one currency are looked at, through an index.
const OF_BASE: &str = "
SELECT s.base, count(*), max(r.rate_date)
FROM ops.shop_currency AS s
JOIN core.exchange_rates AS r ON r.currency = s.base
WHERE r.rate <> 1
GROUP BY s.base";

/// What Postgres says about exchange rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateFacts {
    /// Most lines first.
    pub waiting: Vec<Waiting>,
    /// Absent where no rate of the base is wrong.
    pub of_base: Option<OfBase>,
}

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client) -> Result<RateFacts> {
    let (waiting, of_base) =
        tokio::try_join!(client.query_typed(WAITING, &[]), client.query_typed(OF_BASE, &[]))
            .or_db("measure exchange rates")?;
    let lines = |row: &tokio_postgres::Row| Waiting {
        currency: row.get(0),
        lines: row.get(1),
        first: row.get(2),
        last: row.get(3),
    };
    let rates = |row: &tokio_postgres::Row| OfBase {
        currency: row.get(0),
        rates: row.get(1),
        latest: row.get(2),
    };
    Ok(RateFacts {
        waiting: waiting.iter().map(lines).collect(),
        of_base: of_base.first().map(rates),
    })
}

/// Warnings that pass when nothing waits, and when the rates are for the base.
pub fn judge(facts: &RateFacts) -> Vec<Check> {
    vec![judge_base(facts.of_base.as_ref()), judge_waiting(&facts.waiting)]
}

fn judge_base(of_base: Option<&OfBase>) -> Check {
    let actual = match of_base {
        None => NONE.to_owned(),
        Some(OfBase { currency, rates: 1, latest }) => {
            format!("1 rate of {currency} that is not 1, of {latest}")
        }
        Some(OfBase { currency, rates, latest }) => {
            format!("{rates} rates of {currency} that are not 1, the latest of {latest}")
        }
    };
    let detail = of_base.map(|it| other_base(&it.currency)).unwrap_or_default();
    Check::equal(Layer::Core, "core.exchange_rates.base", NONE, actual).warning().detail(detail)
}

fn judge_waiting(waiting: &[Waiting]) -> Check {
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

fn other_base(currency: &str) -> String {
    format!(
        "one unit of {currency} is worth one, so the rates are for another base, and what is \
         converted by them is wrong: set exchange_rates.base to the currency that they are for \
         (docs/currencies.md)"
    )
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
        let check = judge_waiting(&[
            waiting("USD", 12, "2026-01-13", "2026-01-14"),
            waiting("GBP", 1, "2026-01-12", "2026-01-12"),
        ]);
        assert_eq!((check.passed, check.severity), (false, Severity::Warning));
        assert_eq!(check.actual, "12 lines in USD, 1 line in GBP");
        let detail = check.detail.unwrap();
        assert!(detail.starts_with("sold from 2026-01-12 to 2026-01-14, "), "{detail}");
        assert!(detail.contains("docs/currencies.md"), "{detail}");
        let detail =
            judge_waiting(&[waiting("USD", 1, "2026-01-13", "2026-01-13")]).detail.unwrap();
        assert!(detail.starts_with("sold on 2026-01-13, "), "{detail}");
    }

    #[test]
    fn of_many_currencies_the_first_are_named() {
        let many = |count: usize| {
            let day = "2026-01-13";
            let waiting: Vec<Waiting> =
                (0..count).map(|number| waiting(&format!("X{number}"), 2, day, day)).collect();
            judge_waiting(&waiting).actual
        };
        assert!(many(NAMED).ends_with("2 lines in X4"), "{}", many(NAMED));
        assert!(many(NAMED + 1).ends_with("X4, and one more currency"), "{}", many(NAMED + 1));
        assert!(many(NAMED + 2).ends_with("X4, and 2 more currencies"), "{}", many(NAMED + 2));
    }

    #[test]
    fn nothing_that_waits_is_nothing_to_tell() {
        let check = judge_waiting(&[]);
        assert!(check.passed && check.detail.is_none());
        assert_eq!(check.actual, NONE);
    }

    #[test]
    fn rates_of_the_base_itself_are_for_another_one() {
        let of_base = |rates| OfBase {
            currency: "EUR".to_owned(),
            rates,
            latest: "2026-01-14".parse().unwrap(),
        };
        let check = judge_base(Some(&of_base(3)));
        assert_eq!((check.passed, check.severity), (false, Severity::Warning));
        assert_eq!(check.actual, "3 rates of EUR that are not 1, the latest of 2026-01-14");
        let detail = check.detail.unwrap();
        assert!(detail.contains("set exchange_rates.base"), "{detail}");
        assert!(detail.contains("docs/currencies.md"), "{detail}");
        let one = judge_base(Some(&of_base(1)));
        assert_eq!(one.actual, "1 rate of EUR that is not 1, of 2026-01-14");
        let none = judge_base(None);
        assert!(none.passed && none.detail.is_none());
        assert_eq!(none.actual, NONE);
    }
}
