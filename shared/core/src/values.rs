//! The grammar of values: the one place that reads numbers, prices, amounts, dates, moments, truth
//! values and codes from text.
//!
//! `validate`, `upload`, `load` and the expectations read with these functions, so what one of
//! them accepts all of them accept, and as the same value. A value that means one thing only is
//! read however a person or a program wrote it (`5`, `+5.50`, ` 5.5 `); one that could mean two
//! things is refused by a [`Rule`] of its own (`5,50`, `1.234`, `01/02/2026`), and so is one that
//! would lose digits.
//!
//! Each function has a short path for the usual spelling, which is inlined into its callers, and a
//! long one for everything else. Values are valid UTF-8 where they are text, and free of quoting.
//! What a time without an offset means only the configuration can tell: see [`Moment`].
//!
//! ```
//! use shopflow_core::rules::Rule;
//! use shopflow_core::values;
//!
//! assert_eq!(values::price(b"5.5"), Ok(550));
//! assert_eq!(values::price(b"5,50"), Err(Rule::AmbiguousNumber));
//! ```

mod blank;
mod boolean;
mod code;
pub mod digits;
mod money;
mod nothing;
mod number;
mod text;
pub mod time;

pub use blank::{is_blank, trimmed};
pub use boolean::boolean;
pub use code::{country, currency, uuid};
pub use money::{amount, money, price, rate};
pub use nothing::nothing;
pub use number::{decimal, integer, key, positive, units, whole};
pub use text::{email, text};
pub use time::{Moment, date, instant, moment};

use std::borrow::Cow;

use crate::dataset::Kind;
use crate::rules::Rule;

/// A value that is stored as text, in the one form it is stored in. Whether it is a member of a
/// closed set is not asked here: that the schema contract decides.
///
/// # Errors
/// The first rule it breaks.
pub fn stored_text(kind: Kind, value: &[u8]) -> Result<Cow<'_, str>, Rule> {
    match kind {
        Kind::Country => return country(value).map(Cow::Borrowed),
        Kind::Currency => return currency(value).map(Cow::Borrowed),
        Kind::Uuid => return uuid(value).map(|id| Cow::Owned(code::hyphenated(id))),
        Kind::Text(limit) => text(value, limit)?,
        Kind::Email => email(value)?,
        Kind::Id
        | Kind::Reference(_)
        | Kind::Quantity
        | Kind::Price
        | Kind::Units
        | Kind::Amount
        | Kind::Discount
        | Kind::Money
        | Kind::Rate
        | Kind::Date
        | Kind::Timestamp
        | Kind::OneOf(_) => {}
    }
    std::str::from_utf8(value).map(Cow::Borrowed).map_err(|_| Rule::InvalidUtf8)
}
