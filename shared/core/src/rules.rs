//! The rules a file and its rows are checked against: the one place with their names and texts.

use serde::{Serialize, Serializer};

use crate::dataset::{Column, Kind};
use crate::vocabulary::Vocabularies;

/// Longest record in bytes, without its line break.
pub const RECORD_LIMIT: usize = 1024 * 1024;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// Why a row or a file is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$variant,)+];

            /// The name in quarantine, reports, logs and metrics.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$variant => $name,)+ }
            }

            /// What is refused, for the documentation.
            pub fn description(self) -> &'static str {
                match self { $(Rule::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

rules! {
    /// A required value is empty, blank, JSON `null` or a word for nothing, such as `N/A`.
    NullValue => "null_value",
    /// The value is not a whole number in digits.
    NotAnInteger => "not_an_integer",
    /// A sign in the number could separate thousands or decimals: `1,234`, `5,50`, `1.234`.
    AmbiguousNumber => "ambiguous_number",
    /// The number of a row has zeros before it, and `007` may be another key than `7`.
    LeadingZeros => "leading_zeros",
    /// There are more decimals than are kept: two of a price, four of an amount, eight of
    /// a rate, six of a second.
    TooPrecise => "too_precise",
    /// The number is zero or negative.
    NotPositive => "not_positive",
    /// The number is zero.
    Zero => "zero",
    /// The number is too large for its column, or the year is not within 1900 to 2100.
    OutOfRange => "out_of_range",
    /// The value is not an e-mail address: one `@`, a local part, a domain with a dot.
    InvalidEmail => "invalid_email",
    /// The value is not a decimal number in digits, with a point before its decimals.
    InvalidPrice => "invalid_price",
    /// The price is zero or negative.
    PriceNotPositive => "price_not_positive",
    /// The amount is negative.
    NegativeAmount => "negative_amount",
    /// The value is not a date of the calendar, written in the order year, month, day.
    InvalidDate => "invalid_date",
    /// The value is not a date with a time of day and, perhaps, an offset.
    InvalidTimestamp => "invalid_timestamp",
    /// The year does not come first, so day and month could be either: `01/02/2026`.
    AmbiguousDate => "ambiguous_date",
    /// Clocks in the configured zone showed the time twice or never, or the zone is just `CST`.
    AmbiguousTime => "ambiguous_time",
    /// The value is not a UUID of 32 hexadecimal digits, with or without hyphens.
    InvalidUuid => "invalid_uuid",
    /// The value is not in the column's closed set.
    NotInSet => "not_in_set",
    /// The value is not an ISO 3166-1 alpha-2 code.
    InvalidCountry => "invalid_country",
    /// The value is not an ISO 4217 code of a currency.
    InvalidCurrency => "invalid_currency",
    /// The text is longer than its column allows.
    TextTooLong => "text_too_long",
    /// The text contains a control character, such as a line break, or an unknown column a NUL.
    ControlCharacter => "control_character",
    /// Neither of two columns has a value, one of which is needed: a sale without a `product_id` has
    /// no list price, and needs its own `unit_price`.
    MissingBoth => "missing_both",
    /// A good row earlier in the file has the same id.
    DuplicateId => "duplicate_id",
    /// The row has more or fewer fields than the header.
    FieldCount => "field_count",
    /// The line is no row but a total, or says how many rows there are.
    FooterRow => "footer_row",
    /// A quote is not closed, or stands inside a field that is not quoted.
    BrokenQuoting => "broken_quoting",
    /// The row (or the header, or all that is not ASCII in the file) is not UTF-8.
    InvalidUtf8 => "invalid_utf8",
    /// The last line is cut off: it has no line break and is incomplete.
    TruncatedLine => "truncated_line",
    /// The row is longer than 1 MiB; quarantine keeps its first MiB.
    RecordTooLong => "record_too_long",
    /// The line is not one JSON object, or names a field twice.
    InvalidJson => "invalid_json",
    /// A required JSON field is absent.
    MissingField => "missing_field",
    /// The JSON value has the wrong type, such as a string for a number.
    WrongType => "wrong_type",
    /// A column or field that the dataset does not know, where the schema contract forbids it.
    UnknownColumn => "unknown_column",
    /// File: the header lacks a required column.
    MissingColumn => "missing_column",
    /// File: the header names a column twice, perhaps in two spellings.
    DuplicateColumn => "duplicate_column",
    /// File: the first line names none of the columns.
    MissingHeader => "missing_header",
    /// File: lines stand before the header.
    Preamble => "preamble",
    /// File: something else than commas separates its fields.
    OtherSeparator => "other_separator",
    /// File: its lines end in bare carriage returns.
    OtherLineEnds => "other_line_ends",
    /// File: it is compressed, a workbook, Parquet, UTF-16 or otherwise not what was expected.
    OtherFormat => "other_format",
    /// File: there is no line in it.
    EmptyFile => "empty_file",
}

impl Rule {
    /// True when a value breaks the rule because it is not of its column's type; then the schema
    /// contract for data types decides.
    pub fn is_about_type(self) -> bool {
        matches!(
            self,
            Rule::NotAnInteger
                | Rule::AmbiguousNumber
                | Rule::LeadingZeros
                | Rule::TooPrecise
                | Rule::InvalidPrice
                | Rule::InvalidDate
                | Rule::InvalidTimestamp
                | Rule::AmbiguousDate
                | Rule::AmbiguousTime
                | Rule::InvalidUuid
                | Rule::WrongType
        )
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a value of `column` must be instead: the text beside a refused row.
pub fn reason(rule: Rule, column: Option<&Column>, sets: &Vocabularies) -> String {
    let Some(column) = column else {
        return plain(rule).to_owned();
    };
    let name = column.name;
    match rule {
        Rule::NullValue => format!("{name} is required"),
        Rule::MissingField => format!("field {name} is required"),
        Rule::MissingBoth => match column.unless {
            Some(other) => format!("{name} and {other} are both empty, and one of them is needed"),
            None => plain(rule).to_owned(),
        },
        Rule::DuplicateId => format!("an earlier row has the same {name}; the first one is kept"),
        Rule::ControlCharacter => format!("{name} must not contain control characters"),
        Rule::InvalidUtf8 => format!("{name} is not UTF-8"),
        Rule::MissingColumn => format!("the header lacks column {name}"),
        Rule::DuplicateColumn => format!("the header names column {name} twice"),
        Rule::AmbiguousNumber => format!(
            "{name} has a sign that could separate thousands or decimals; it must be {}",
            expected(column.kind, sets)
        ),
        Rule::LeadingZeros => format!(
            "{name} has zeros before its number, and with them it may be another key: write the \
             number without them if they mean nothing"
        ),
        Rule::TooPrecise => format!("{name} has more decimals than are kept: round it"),
        Rule::AmbiguousDate => {
            format!(
                "day and month of {name} could be either; it must be {}",
                expected(column.kind, sets)
            )
        }
        Rule::AmbiguousTime => format!(
            "{name} stands for several moments or for none in its time zone: give its offset, \
             such as +01:00"
        ),
        _ => format!("{name} must be {}", expected(column.kind, sets)),
    }
}

fn plain(rule: Rule) -> &'static str {
    match rule {
        Rule::FieldCount => "the row does not have as many fields as the header",
        Rule::BrokenQuoting => "a quote is not closed or stands inside an unquoted field",
        Rule::FooterRow => "the line is a total or a count of rows, and not a row",
        Rule::InvalidUtf8 => "the row is not UTF-8",
        Rule::TruncatedLine => "the last line is cut off",
        Rule::RecordTooLong => "the row is longer than 1 MiB; only its start is kept here",
        Rule::InvalidJson => "the line is not one JSON object",
        Rule::UnknownColumn => "the row has a value in a column the dataset does not know",
        Rule::ControlCharacter => "an unknown column contains a NUL or a bare carriage return",
        other => other.description(),
    }
}

/// What a kind of value looks like, in words.
pub fn expected(kind: Kind, sets: &Vocabularies) -> String {
    match kind {
        Kind::Id | Kind::Reference(_) => {
            format!("a whole number from 1 to {}", i64::MAX)
        }
        Kind::Quantity => format!("a whole number from 1 to {}", i32::MAX),
        Kind::Uuid => "a UUID".to_owned(),
        Kind::Text(bytes) => format!("text of at most {bytes} bytes"),
        Kind::Email => "an e-mail address".to_owned(),
        Kind::Date => "a date YYYY-MM-DD within 1900 to 2100".to_owned(),
        Kind::Timestamp => {
            "a date and time such as 2026-01-15T09:30:00Z within 1900 to 2100".to_owned()
        }
        Kind::Units => {
            format!("a whole number other than 0, from -{0} to {0}", i32::MAX)
        }
        Kind::Amount => "an amount such as 12.50 from 0 to 99999999.99".to_owned(),
        Kind::Discount => "a share from 0 to 1, such as 0.2, or an amount over 1".to_owned(),
        Kind::Money => "an amount such as 12.50 or -12.50, at most 99999999.99".to_owned(),
        Kind::Rate => "a rate such as 1.0823, over 0".to_owned(),
        Kind::Currency => "an ISO 4217 currency code".to_owned(),
        Kind::Price => "a price such as 12.50 from 0.01 to 99999999.99".to_owned(),
        Kind::Country => "an ISO 3166-1 alpha-2 country code".to_owned(),
        Kind::OneOf(set) => format!("one of {}", sets.values(set).join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_snake_case_and_unique() {
        let mut names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        for name in &names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
    }

    #[test]
    fn a_reason_names_the_column_and_what_it_must_be() {
        let quantity = &crate::Dataset::Transactions.columns()[3];
        assert_eq!(
            reason(Rule::Zero, Some(quantity), &Vocabularies::default()),
            "quantity must be a whole number other than 0, from -2147483647 to 2147483647"
        );
        let product = crate::Dataset::Transactions.definition().column("product_id");
        assert_eq!(
            reason(Rule::MissingBoth, product, &Vocabularies::default()),
            "product_id and unit_price are both empty, and one of them is needed"
        );
        let device = crate::Dataset::Clickstream.columns();
        let device = device.iter().find(|column| column.name == "device");
        assert_eq!(
            reason(Rule::NotInSet, device, &Vocabularies::default()),
            "device must be one of desktop, mobile, tablet"
        );
    }
}
