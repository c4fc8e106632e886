//! On-demand features: expressions over features and values of a request, computed when somebody asks.
//!
//! ```text
//! days(now - last_purchase_at)            if(views_7d >= 20, carts_7d / views_7d, 0.0)
//! coalesce(revenue_90d, 0) * 4            least(units_7d / 7, units_30d / 30)
//! ```
//!
//! An expression is parsed ([`Expression`]), its types are checked once against its inputs
//! ([`Typed`]), and it is then evaluated over rows. It never fails on a row: what cannot be said is
//! null, and that is what comes of anything null, of a division by zero, and of a number that is too
//! large. The same row gives the same bits on every machine.
//!
//! | | |
//! |---|---|
//! | `+ - *` | `int64` or `float64`; two whole numbers make one. `timestamp - timestamp` is a duration, which can be added to moments and durations |
//! | `/` | always `float64` |
//! | `= != < <= > >=` | numbers, moments and durations; texts and booleans only `=` and `!=` |
//! | `and or not` | booleans |
//! | `if(condition, then, else)` | null if the condition is |
//! | `coalesce(a, b, …)` | the first that is not null |
//! | `least(a, b, …)`, `greatest(a, b, …)` | null if one is |
//! | `abs(x)`, `ln(x)`, `exp(x)` | `ln` of what is not above 0 is null |
//! | `round(x)`, `round(x, digits)` | halves away from 0; a whole number, or one with so many decimals |
//! | `days(duration)`, `hours(duration)` | as `float64` |

mod check;
mod evaluate;
mod expression;
mod parse;
mod plan;
mod python;
mod scope;
#[cfg(test)]
mod tests;

pub use check::{Kind, Node, Typed};
pub use expression::{Expression, Function, Operator};
pub use plan::Transformation;
pub use python::PRELUDE;
pub use scope::{Input, Origin, Scope};
