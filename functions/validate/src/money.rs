//! Money that could be misunderstood: discounts that may be shares or sums, and columns that look
//! like money and do not count.

use shopflow_core::dataset::{AMOUNT_SCALE, Column, Kind};
use shopflow_core::{Dataset, values};

use crate::rejection::Rejection;
use crate::rules::Rule;

/// A discount of this many ten-thousandths is the whole line; more is money.
const WHOLE: u64 = 10u64.pow(AMOUNT_SCALE as u32);

/// Parts of names that columns with money have.
const PARTS: [&str; 8] =
    ["price", "amount", "total", "discount", "shipping", "currency", "refund", "revenue"];
/// Words of such names that are parts of others, too: coffee is no fee.
const WORDS: [&str; 12] =
    ["tax", "taxes", "cost", "costs", "fee", "fees", "vat", "gross", "net", "sales", "paid", "tip"];
/// A column with this in its name has codes, not numbers.
const CURRENCY: &str = "currency";
/// The column with the price that was charged.
const OWN_PRICE: &str = "unit_price";
/// Letters of a currency beside a number.
const CODE: usize = 3;

/// The discounts of a file.
#[derive(Debug, Default)]
pub(crate) struct Discounts {
    /// That of the row that is being judged, if it has one.
    row: Option<Taken>,
    /// Good rows with a discount over zero and up to 1.
    shares: u64,
    /// Good rows with one over 1.
    money: u64,
}

/// What a discount takes off.
#[derive(Debug, Clone, Copy)]
enum Taken {
    Share,
    Money,
}

impl Discounts {
    /// Notes the discount of the current row, in ten-thousandths.
    pub fn meet(&mut self, discount: u64) {
        self.row = match discount {
            0 => None,
            1..=WHOLE => Some(Taken::Share),
            _ => Some(Taken::Money),
        };
    }

    /// Ends a row.
    #[inline]
    pub fn end_row(&mut self, is_good: bool) {
        match self.row.take() {
            Some(Taken::Share) if is_good => self.shares += 1,
            Some(Taken::Money) if is_good => self.money += 1,
            _ => {}
        }
    }

    /// The rejection of a file whose discounts are shares in some rows and money in others: one of
    /// 0.50 can be half of the line or fifty cents.
    pub fn rejection(&self, columns: &'static [Column]) -> Option<Rejection> {
        let Discounts { shares, money, .. } = self;
        if *shares == 0 || *money == 0 {
            return None;
        }
        let column = columns.iter().find(|column| column.kind == Kind::Discount)?;
        Some(Rejection {
            rule: Rule::AmbiguousNumber,
            column: Some(column),
            text: format!(
                "{} has values up to 1, which are shares, and values over 1, which are money \
                 (rows: {shares} and {money})",
                column.name
            ),
            remedy: "write all as shares of the line, such as 0.2".to_owned(),
        })
    }

    /// What the report says about it.
    pub fn warning(&self) -> Option<String> {
        match (self.shares, self.money) {
            (0, 0) => None,
            (0, money) => {
                Some(format!("discounts were read as money, not per cent; rows: {money}"))
            }
            (shares, _) => {
                Some(format!("discounts were read as shares of the line; rows: {shares}"))
            }
        }
    }
}

/// What the report says about unknown columns with money: it is in no sum.
pub(crate) fn warning(named: &[String]) -> Option<String> {
    (!named.is_empty()).then(|| {
        format!("unknown columns that look like money are in no total: {}", named.join(", "))
    })
}

/// What the report says about sales in other currencies whose prices are those of the list; `has`
/// tells which columns the file has.
pub(crate) fn list_prices(dataset: Dataset, has: impl Fn(&str) -> bool) -> Option<String> {
    let is_due = dataset == Dataset::Transactions && has(CURRENCY) && !has(OWN_PRICE);
    is_due.then(|| {
        format!(
            "there is no column '{OWN_PRICE}', and list prices are in the shop's currency \
             (business.currency), whatever '{CURRENCY}' says"
        )
    })
}

/// True for columns whose values are money, or say in which currency money is.
pub(crate) fn is_money(column: &Column) -> bool {
    matches!(
        column.kind,
        Kind::Price | Kind::Amount | Kind::Discount | Kind::Money | Kind::Currency
    )
}

/// True for the name of a column that has money if it has numbers.
pub(crate) fn is_called_money(name: &str) -> bool {
    let small = name.to_lowercase();
    let is_word = |word: &str| WORDS.contains(&word);
    PARTS.iter().any(|part| small.contains(part))
        || small.split(|letter: char| !letter.is_alphanumeric()).any(is_word)
        || humps(name).any(|word| is_word(&word))
}

/// True for the name of a column that has currencies.
pub(crate) fn is_called_currency(name: &str) -> bool {
    name.to_lowercase().contains(CURRENCY)
}

/// The words of a name such as `lineTaxRate`, in small letters.
fn humps(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words.into_iter()
}

/// True for a number, perhaps with signs between its digits and a currency beside it.
pub(crate) fn is_number(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let is_part = |letter: char| {
        letter.is_alphanumeric() || letter.is_whitespace() || "+-.,'$%()".contains(letter)
    };
    text.bytes().any(|byte| byte.is_ascii_digit())
        && letters <= CODE
        && text.chars().all(|letter| is_part(letter) || !letter.is_ascii())
        && values::date(value).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::Dataset;

    fn met(discounts: &[(u64, bool)]) -> Discounts {
        let mut notes = Discounts::default();
        for (discount, is_good) in discounts {
            notes.meet(*discount);
            notes.end_row(*is_good);
        }
        notes
    }

    fn rejection(discounts: &[(u64, bool)]) -> Option<String> {
        let columns = Dataset::Transactions.columns();
        met(discounts).rejection(columns).map(|rejection| rejection.text)
    }

    #[test]
    fn discounts_are_shares_or_money_and_never_both() {
        assert_eq!(rejection(&[(0, true), (1, true), (10_000, true)]), None);
        assert_eq!(rejection(&[(0, true), (10_001, true), (50_000, true)]), None);
        assert_eq!(
            rejection(&[(5_000, true), (2_000, true), (50_000, true)]).unwrap(),
            "discount has values up to 1, which are shares, and values over 1, which are money \
             (rows: 2 and 1)"
        );
    }

    #[test]
    fn discounts_of_refused_rows_do_not_count() {
        assert_eq!(rejection(&[(5_000, true), (50_000, false)]), None);
        assert_eq!(met(&[(5_000, false)]).warning(), None);
        let warning = met(&[(5_000, true), (0, true)]).warning().unwrap();
        assert!(warning.ends_with("shares of the line; rows: 1"), "{warning}");
        let warning = met(&[(50_000, true), (0, true)]).warning().unwrap();
        assert!(warning.ends_with("money, not per cent; rows: 1"), "{warning}");
    }

    #[test]
    fn columns_with_money_are_told_by_their_names() {
        for name in [
            "Sub Total",
            "lineAmount",
            "TAX_RATE",
            "unitprice",
            "serviceFee",
            "net",
            "shipping cost",
            "Currency",
        ] {
            assert!(is_called_money(name), "{name}");
        }
        for name in ["note", "coffee", "feedback", "syntax", "taxi", "internet", "ID", "tag"] {
            assert!(!is_called_money(name), "{name}");
        }
    }

    #[test]
    fn numbers_may_have_a_currency_beside_them() {
        for number in ["9.99", "1.299,99", "-3", "$12.50", "12,50 EUR", "€ 5", "20 %", "(5.00)"] {
            assert!(is_number(number.as_bytes()), "{number}");
        }
        for other in ["", "x", "WELCOME10", "2026-01-05", "Main St. 5", "n/a"] {
            assert!(!is_number(other.as_bytes()), "{other}");
        }
    }
}
