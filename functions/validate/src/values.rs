//! One check per kind of value, on the bytes in place, by the grammar of `shopflow_core::values`.
//!
//! Values are valid UTF-8 (the caller has looked) and free of quoting.

use shopflow_core::dataset::{Column, Kind};
use shopflow_core::values::{self, Moment};
use shopflow_core::vocabulary::Vocabularies;

use crate::notes::Notes;
use crate::rules::Rule;

/// Checks a CSV value or a JSON string against its column and the sets of values. The number is
/// the value of a positive integer, or that of a key, 0 otherwise. A time without an offset, a
/// discount, an early moment and a word for nothing are noted in `notes`; in place of an optional value
/// such a word is good, and goes on as an empty one.
///
/// # Errors
/// The first rule the value breaks.
#[inline]
pub fn check(
    column: &Column,
    value: &[u8],
    sets: &Vocabularies,
    notes: &mut Notes,
) -> Result<u64, Rule> {
    if value.is_empty() && !column.required {
        return Ok(0);
    }
    let outcome = match column.kind {
        Kind::Id => match notes.keys.own(value) {
            Ok(number) => return Ok(number),
            Err(rule) => Err(rule),
        },
        Kind::Reference(of) => match notes.keys.of(of, value) {
            Ok(number) => return Ok(number),
            Err(rule) => Err(rule),
        },
        Kind::Quantity => match values::positive(value, i32::MAX as u64) {
            Ok(number) => return Ok(number),
            Err(rule) => Err(rule),
        },
        Kind::Units => values::units(value).map(|_| ()),
        Kind::Timestamp => match values::moment(value) {
            Ok(Moment::At(micros)) => {
                notes.early.meet(micros);
                return Ok(0);
            }
            Ok(Moment::OnClock(shown)) => {
                notes.early.meet(shown);
                notes.clock.meet(shown)
            }
            Err(rule) => Err(rule),
        },
        Kind::OneOf(set) if sets.contains(set, value) => Ok(()),
        Kind::OneOf(_) => Err(Rule::NotInSet),
        Kind::Date => values::date(value).map(|_| ()),
        Kind::Country => values::country(value).map(|code| {
            if code == "NA" {
                notes.absent.keep_country(column.name);
            }
        }),
        Kind::Price => values::price(value).map(|_| ()),
        Kind::Currency => values::currency(value).map(|_| ()),
        Kind::Money => values::money(value).map(|_| ()),
        Kind::Rate => values::rate(value).map(|_| ()),
        Kind::Amount => values::amount(value).map(|_| ()),
        Kind::Discount => values::amount(value).map(|discount| notes.discounts.meet(discount)),
        Kind::Text(limit) => match (values::text(value, limit), values::nothing(value)) {
            (Ok(()), Some(word)) => return Ok(text_of(column, word, notes)),
            (outcome, _) => outcome,
        },
        Kind::Email => values::email(value),
        Kind::Uuid => values::uuid(value).map(|_| ()),
    };
    match outcome {
        Ok(()) => Ok(0),
        Err(rule) => wrong(column, value, rule, notes),
    }
}

/// True for a value that [`check`] takes for a missing one.
#[cold]
pub fn is_left_out(column: &Column, value: &[u8], sets: &Vocabularies) -> bool {
    let mut notes = Notes::default();
    check(column, value, sets, &mut notes).is_ok() && notes.absent.is_leaving_out()
}

/// A text that is a word for nothing: where one is required it may be the name that it is.
#[cold]
fn text_of(column: &Column, word: &'static str, notes: &mut Notes) -> u64 {
    match column.required {
        true => notes.absent.keep_text(column.name, word),
        false => notes.absent.leave_out(column.name, word),
    }
    0
}

/// What is no value of its column may say that there is none.
#[cold]
fn wrong(column: &Column, value: &[u8], rule: Rule, notes: &mut Notes) -> Result<u64, Rule> {
    let word = match values::nothing(value) {
        None if values::is_blank(value) => "",
        None => return Err(rule),
        Some(word) => word,
    };
    if column.required {
        return Err(Rule::NullValue);
    }
    notes.absent.leave_out(column.name, word);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::Dataset;

    fn column(dataset: Dataset, name: &str) -> &'static Column {
        dataset.columns().iter().find(|column| column.name == name).unwrap()
    }

    #[track_caller]
    fn verdicts(dataset: Dataset, name: &str, cases: &[(&str, Option<Rule>)]) {
        let sets = Vocabularies::default();
        for (value, rule) in cases {
            let notes = &mut Notes::default();
            let outcome = check(column(dataset, name), value.as_bytes(), &sets, notes).err();
            assert_eq!(outcome, *rule, "{name} '{value}'");
        }
    }

    #[test]
    fn each_kind_of_column_has_its_rules() {
        verdicts(
            Dataset::Transactions,
            "id",
            &[
                ("+7.0", None),
                ("9223372036854775808", Some(Rule::OutOfRange)),
                ("1,234", Some(Rule::AmbiguousNumber)),
                ("  ", Some(Rule::NullValue)),
            ],
        );
        verdicts(
            Dataset::Products,
            "price",
            &[("5", None), ("5,50", Some(Rule::AmbiguousNumber)), ("", Some(Rule::NullValue))],
        );
        verdicts(
            Dataset::Customers,
            "registration_date",
            &[("2026-01-15", None), ("01/02/2026", Some(Rule::AmbiguousDate))],
        );
        verdicts(
            Dataset::Customers,
            "country",
            &[("de", None), ("UK", Some(Rule::InvalidCountry)), (" ", None)],
        );
        verdicts(
            Dataset::Customers,
            "email",
            &[("a@b.co", None), (" ", None), ("a@b", Some(Rule::InvalidEmail))],
        );
        verdicts(
            Dataset::Clickstream,
            "event_id",
            &[("67e5504410b1426f9247bb680e5fe0c8", None), ("", Some(Rule::NullValue))],
        );
        verdicts(
            Dataset::Transactions,
            "timestamp",
            &[("2026-01-15 08:30:00", None), ("2026-01-15", Some(Rule::InvalidTimestamp))],
        );
    }

    #[test]
    fn quantities_are_whole_numbers_of_either_sign_other_than_zero() {
        verdicts(
            Dataset::Transactions,
            "quantity",
            &[
                ("1", None),
                ("2147483647", None),
                ("2147483648", Some(Rule::OutOfRange)),
                ("-3", None),
                ("-2147483647", None),
                ("-2147483648", Some(Rule::OutOfRange)),
                ("0", Some(Rule::Zero)),
                ("2.5", Some(Rule::NotAnInteger)),
                ("", Some(Rule::NullValue)),
            ],
        );
    }

    #[test]
    fn prices_and_discounts_of_sales_are_amounts() {
        for name in ["unit_price", "discount"] {
            verdicts(
                Dataset::Transactions,
                name,
                &[
                    ("", None),
                    ("0", None),
                    ("0.2", None),
                    ("957.5775", None),
                    (" ", None),
                    ("NULL", None),
                    ("-1", Some(Rule::NegativeAmount)),
                    ("12.34567", Some(Rule::TooPrecise)),
                    ("100000000", Some(Rule::OutOfRange)),
                    ("5,50", Some(Rule::AmbiguousNumber)),
                    ("20%", Some(Rule::InvalidPrice)),
                ],
            );
        }
        verdicts(
            Dataset::Transactions,
            "line",
            &[("", None), ("1", None), ("0", Some(Rule::NotPositive))],
        );
        verdicts(
            Dataset::Transactions,
            "status",
            &[("", None), ("returned", None), ("Returned", Some(Rule::NotInSet))],
        );
    }

    #[test]
    fn tax_and_payments_have_either_sign_and_costs_have_none() {
        let both = [
            ("0", None),
            ("1.90", None),
            ("-1.90", None),
            ("957.5775", None),
            ("12.34567", Some(Rule::TooPrecise)),
            ("-100000000", Some(Rule::OutOfRange)),
            ("1,90", Some(Rule::AmbiguousNumber)),
            ("1.90-", Some(Rule::InvalidPrice)),
        ];
        for (dataset, name, missing) in [
            (Dataset::Transactions, "tax", None),
            (Dataset::Transactions, "shipping", None),
            (Dataset::Payments, "amount", Some(Rule::NullValue)),
        ] {
            verdicts(dataset, name, &both);
            verdicts(dataset, name, &[("", missing), (" ", missing), ("N/A", missing)]);
        }
        verdicts(
            Dataset::Products,
            "cost",
            &[("", None), ("0", None), ("2.125", Some(Rule::AmbiguousNumber)), ("2.1250", None)],
        );
        verdicts(Dataset::Products, "cost", &[("-1", Some(Rule::NegativeAmount))]);
    }

    #[test]
    fn rates_are_over_zero_and_currencies_are_codes() {
        verdicts(
            Dataset::ExchangeRates,
            "rate",
            &[
                ("1.1601", None),
                ("1.153", None),
                ("19231.45", None),
                (" 0.8512 ", None),
                ("0", Some(Rule::PriceNotPositive)),
                ("-1.5", Some(Rule::PriceNotPositive)),
                ("1,1601", Some(Rule::AmbiguousNumber)),
                ("0.123456789", Some(Rule::TooPrecise)),
                ("10000000000", Some(Rule::OutOfRange)),
                ("1 USD", Some(Rule::InvalidPrice)),
                ("N/A", Some(Rule::NullValue)),
                ("", Some(Rule::NullValue)),
            ],
        );
        let codes = [("USD", None), (" usd ", None), ("US$", Some(Rule::InvalidCurrency))];
        for (dataset, missing) in [
            (Dataset::ExchangeRates, Some(Rule::NullValue)),
            (Dataset::Transactions, None),
            (Dataset::Payments, None),
        ] {
            verdicts(dataset, "currency", &codes);
            verdicts(dataset, "currency", &[("", missing), ("NULL", missing)]);
        }
    }

    #[test]
    fn closed_sets_match_exactly() {
        verdicts(
            Dataset::Transactions,
            "payment_method",
            &[
                ("paypal", None),
                ("apple_pay", None),
                ("gift_card", None),
                ("Paypal", Some(Rule::NotInSet)),
                ("paypal ", Some(Rule::NotInSet)),
                ("bitcoin", Some(Rule::NotInSet)),
                (" ", None),
            ],
        );
    }

    #[test]
    fn optional_values_may_be_empty() {
        verdicts(Dataset::Clickstream, "referrer", &[("", None), ("/home", None)]);
        for name in ["email", "country", "registration_date"] {
            verdicts(Dataset::Customers, name, &[("", None), (" ", None)]);
        }
        verdicts(Dataset::Products, "supplier", &[("", None), (" ", None)]);
        verdicts(
            Dataset::Transactions,
            "product_id",
            &[("", None), ("0", Some(Rule::NotPositive))],
        );
        verdicts(Dataset::Transactions, "payment_method", &[("", None)]);
        verdicts(
            Dataset::Transactions,
            "customer_id",
            &[
                ("", None),
                ("7", None),
                (" ", None),
                ("\\N", None),
                ("007", Some(Rule::LeadingZeros)),
                ("x", Some(Rule::NotAnInteger)),
            ],
        );
        verdicts(
            Dataset::Clickstream,
            "customer_id",
            &[("", None), ("0", Some(Rule::NotPositive))],
        );
    }

    #[test]
    fn a_word_for_nothing_is_a_missing_value_where_one_may_be_missing() {
        let sets = Vocabularies::default();
        for (name, value, is_left_out) in [
            ("customer_id", "NULL", true),
            ("order_id", "-", true),
            ("order_id", " ", true),
            ("order_id", "Nil-7", false),
            ("status", "N/A", true),
            ("discount", "nan", true),
            ("discount", "0", false),
            ("discount", "", false),
            ("quantity", "NULL", false),
        ] {
            let column = column(Dataset::Transactions, name);
            let found = super::is_left_out(column, value.as_bytes(), &sets);
            assert_eq!(found, is_left_out, "{name} '{value}'");
        }
    }

    #[test]
    fn a_word_for_nothing_is_refused_where_a_value_is_needed_unless_it_can_be_one() {
        let null = Some(Rule::NullValue);
        let quantity = [("NULL", null), ("n/a", null), ("-", null), ("none", null)];
        verdicts(Dataset::Transactions, "quantity", &quantity);
        verdicts(Dataset::Transactions, "timestamp", &[("\\N", null), ("NaT", null)]);
        verdicts(Dataset::Products, "category", &[("None", null)]);
        verdicts(Dataset::Products, "price", &[("N/A", null)]);
        verdicts(Dataset::Customers, "name", &[("Null", None), ("Nan", None)]);
        let country = [("NA", None), ("na", None), ("N/A", None), ("NULL", None)];
        verdicts(Dataset::Customers, "country", &country);
    }
}
