//! What a text looks like, where a value may have slipped into another column.

use shopflow_core::dataset::Kind;

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

/// True for more letters than a code of a country has.
pub fn has_letters(text: &str) -> bool {
    text.chars().filter(|letter| letter.is_alphabetic()).count() > 2
}

/// True for a text that is a date or a moment.
pub fn is_time(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_digit() || "-:.+TZ ".contains(letter))
}
