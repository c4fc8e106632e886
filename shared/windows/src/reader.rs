//! Clicks, read by the rules of the dataset `clickstream`.
//!
//! What is accepted here, `validate` accepts as a line of a file, and the other way round; there is
//! one exception, the length: an event has at most [`MOST_EVENT_BYTES`]. A contract that would refuse
//! a whole file (`freeze`) refuses the event.
//!
//! Most events are read in one pass over their bytes, without a copy of anything. Whatever is unusual
//! there (an escape in a text, a field that is an object, any mistake) is read once more, with care.

mod careful;
mod checks;
mod fields;
mod scan;

use std::borrow::Cow;

use shopflow_core::dataset::Kind;
use shopflow_core::rules::{self, Rule};
use shopflow_core::schema_contract::{Contract, Mode};
use shopflow_core::{Dataset, Settings};
use shopflow_privacy::Treatment;

use crate::click::Click;
use crate::refusal::Refusal;
use crate::window::Micros;
use checks::Checks;

/// Bytes of an event at most.
pub const MOST_EVENT_BYTES: usize = 64 * 1024;

/// Columns that the fast way has room for.
const MOST_COLUMNS: usize = 64;
/// Bytes of a value that a refusal shows.
const SHOWN_BYTES: usize = 100;

/// Reads clicks as they are configured: the shop's words, its time zone, its keys and its contracts.
#[derive(Debug, Clone)]
pub struct Reader {
    /// In the order of the dataset.
    columns: Vec<Known>,
    checks: Checks,
    contract: Contract,
    /// True when the fast way may be tried.
    is_scannable: bool,
    /// The columns that must have a value, a bit for each.
    required: u64,
}

/// A column of the dataset.
#[derive(Debug, Clone, Copy)]
struct Known {
    column: &'static shopflow_core::dataset::Column,
    role: Role,
    /// Logs may show its values.
    is_shown: bool,
}

/// What a click keeps of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
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
enum Kept {
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

impl Reader {
    /// A reader for these settings. Where they name a time zone that does not exist, every time without
    /// an offset is refused.
    pub fn new(settings: &Settings) -> Reader {
        let dataset = Dataset::Clickstream;
        let known = |column: &'static shopflow_core::dataset::Column| Known {
            column,
            role: Role::of(column.name),
            is_shown: settings.privacy.in_logs(dataset, column) == Treatment::Keep,
        };
        let columns: Vec<Known> = dataset.columns().iter().map(known).collect();
        let required = columns
            .iter()
            .take(MOST_COLUMNS)
            .zip(0..)
            .filter(|(known, _)| known.column.required)
            .fold(0, |bits, (_, place)| bits | 1u64 << place);
        Reader {
            is_scannable: columns.len() <= MOST_COLUMNS,
            columns,
            checks: Checks::new(settings),
            contract: settings.schema_contract.of(dataset),
            required,
        }
    }

    /// The click that an event is, given as the bytes of one JSON object.
    ///
    /// # Errors
    /// What is wrong with it first, as `validate` says it.
    pub fn read<'a>(&self, object: &'a [u8]) -> Result<Click<'a>, Refusal> {
        if object.len() > MOST_EVENT_BYTES {
            let reason = format!("the event has more than {} KiB", MOST_EVENT_BYTES / 1024);
            return Err(Refusal::of_whole(Rule::RecordTooLong, reason));
        }
        if self.is_scannable
            && let Some(click) = self.scan(object)
        {
            return Ok(click);
        }
        self.read_carefully(object)
    }

    /// True when fields that the dataset does not know are passed over.
    fn passes_over_unknown(&self) -> bool {
        match self.contract.columns {
            Mode::Evolve | Mode::DiscardValue => true,
            Mode::Freeze | Mode::DiscardRow => false,
        }
    }

    /// The refusal of a column's value.
    fn refusal(&self, known: &Known, rule: Rule, value: Option<&str>) -> Refusal {
        let column = known.column;
        let is_of_texts = rule == Rule::OutOfRange && self.checks.has_text_keys(column);
        let reason = match is_of_texts {
            true => checks::too_large(column),
            false => rules::reason(rule, Some(column), self.checks.sets()),
        };
        let value = value.filter(|value| known.is_shown && !value.is_empty());
        let value = value.map(|value| value[..value.floor_char_boundary(SHOWN_BYTES)].to_owned());
        Refusal { column: Some(column.name), rule, value, reason }
    }
}

impl Known {
    /// True for keys that may be texts.
    fn is_reference(&self) -> bool {
        matches!(self.column.kind, Kind::Reference(_))
    }
}

impl Role {
    fn of(name: &str) -> Role {
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
fn blank<'a>() -> Click<'a> {
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
#[inline]
fn keep<'a>(click: &mut Click<'a>, role: Role, kept: Kept, text: Cow<'a, str>) {
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

#[cfg(test)]
mod tests;
