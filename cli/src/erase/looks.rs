//! What a text looks like, where a value may have slipped into another column.

use shopflow_core::dataset::Kind;
use shopflow_core::values;

/// True when a text may be what its column holds, and not a value that slipped into it.
pub fn like(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Id => true,
        Kind::Date | Kind::Timestamp => !text.chars().any(char::is_alphabetic) || is_time(text),
        Kind::Country | Kind::Currency => text.len() <= 3,
        Kind::Reference(_)
        | Kind::Price
        | Kind::Quantity
        | Kind::Units
        | Kind::Amount
        | Kind::Discount
        | Kind::Money
        | Kind::Rate => !text.chars().any(char::is_alphabetic),
        Kind::Uuid | Kind::Text(_) | Kind::Email | Kind::OneOf(_) => !text.contains('@'),
    }
}

/// True for a date and for what may be the code of a country, which tell nothing about a person in
/// whatever column they stand; a number may be that of a telephone.
pub fn tells_nothing(text: &str) -> bool {
    let is_date = is_time(text) && text.contains('-') && values::date(text.as_bytes()).is_ok();
    is_date || (text.chars().count() <= 2 && text.chars().all(char::is_alphabetic))
}

/// True for a text that is a date or a moment.
pub fn is_time(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_digit() || "-:.+TZ ".contains(letter))
}
