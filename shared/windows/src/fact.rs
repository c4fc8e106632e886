//! What definitions ask of a click, when they know its event type.

use crate::click::Click;
use crate::hash;
use crate::terms::Terms;

/// A click without its texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact {
    /// Hash of the id of the session.
    pub session: u64,
    pub customer_id: Option<u64>,
    pub product_id: Option<u64>,
    pub amount_cents: Option<i64>,
    /// Its code.
    pub device: u32,
    pub country: [u8; 2],
}

impl Fact {
    /// The device has or gets one of these codes.
    #[inline]
    pub fn of(click: &Click<'_>, devices: &mut Terms) -> Fact {
        Fact {
            session: hash::text(&click.session_id),
            customer_id: click.customer_id,
            product_id: click.product_id,
            amount_cents: click.amount_cents,
            device: devices.code(&click.device),
            country: click.country,
        }
    }
}
