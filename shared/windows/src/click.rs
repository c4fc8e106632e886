//! A click, as far as windows and visits ask for it.

use std::borrow::Cow;

use crate::window::Micros;

/// One event of a visitor. The address of the page and where the visitor came from are checked by the
/// reader, and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click<'a> {
    /// The number of the event, by which a repeat is known.
    pub event_id: u128,
    /// The visit, as the shop names it. It tells of a person: never in logs.
    pub session_id: Cow<'a, str>,
    /// The customer, if signed in.
    pub customer_id: Option<u64>,
    pub event_type: Cow<'a, str>,
    /// The product that was shown or bought.
    pub product_id: Option<u64>,
    pub device: Cow<'a, str>,
    /// ISO 3166-1 alpha-2, in capitals.
    pub country: [u8; 2],
    /// When it happened.
    pub timestamp: Micros,
    /// What was paid, in hundredths of the shop's currency, halves away from zero.
    pub amount_cents: Option<i64>,
}
