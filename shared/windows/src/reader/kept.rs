//! What a click has of the columns of an event.

use std::borrow::Cow;

use crate::click::Click;
use crate::window::Micros;

/// What a click keeps of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    EventId,
    SessionId,
    CustomerId,
    EventType,
    ProductId,
    Device,
    Country,
    Timestamp,
    Amount,
    /// Nothing: it is only checked.
    Checked,
}

/// What a good value comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// There is no value.
    Nothing,
    /// The text itself.
    Text,
    Id(u128),
    Number(u64),
    Country([u8; 2]),
    Moment(Micros),
    Cents(i64),
    /// A value that no click has.
    Other,
}

impl Role {
    pub fn of(name: &str) -> Role {
        match name {
            "event_id" => Role::EventId,
            "session_id" => Role::SessionId,
            "customer_id" => Role::CustomerId,
            "event_type" => Role::EventType,
            "product_id" => Role::ProductId,
            "device" => Role::Device,
            "country" => Role::Country,
            "timestamp" => Role::Timestamp,
            "amount" => Role::Amount,
            _ => Role::Checked,
        }
    }
}

/// A click whose fields are being read.
pub(super) fn blank<'a>() -> Click<'a> {
    Click {
        event_id: 0,
        session_id: Cow::Borrowed(""),
        customer_id: None,
        event_type: Cow::Borrowed(""),
        product_id: None,
        device: Cow::Borrowed(""),
        country: [0; 2],
        timestamp: 0,
        amount_cents: None,
    }
}

/// Puts a value where the click has it; `text` is the value as it was written.
#[inline(always)]
pub(super) fn keep<'a>(click: &mut Click<'a>, role: Role, kept: Kept, text: Cow<'a, str>) {
    match (role, kept) {
        (Role::EventId, Kept::Id(id)) => click.event_id = id,
        (Role::SessionId, Kept::Text) => click.session_id = text,
        (Role::CustomerId, Kept::Number(number)) => click.customer_id = Some(number),
        (Role::EventType, Kept::Text) => click.event_type = text,
        (Role::ProductId, Kept::Number(number)) => click.product_id = Some(number),
        (Role::Device, Kept::Text) => click.device = text,
        (Role::Country, Kept::Country(code)) => click.country = code,
        (Role::Timestamp, Kept::Moment(moment)) => click.timestamp = moment,
        (Role::Amount, Kept::Cents(cents)) => click.amount_cents = Some(cents),
        (
            Role::EventId
            | Role::SessionId
            | Role::CustomerId
            | Role::EventType
            | Role::ProductId
            | Role::Device
            | Role::Country
            | Role::Timestamp
            | Role::Amount
            | Role::Checked,
            _,
        ) => {}
    }
}
