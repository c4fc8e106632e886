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
mod kept;
mod mark;
mod scan;

use shopflow_core::dataset::{Column, Kind};
use shopflow_core::json;
use shopflow_core::rules::{self, Rule};
use shopflow_core::schema_contract::{Contract, Mode};
use shopflow_core::{Dataset, Settings};
use shopflow_privacy::Treatment;

use crate::click::Click;
use crate::refusal::Refusal;
use checks::Checks;
use kept::Role;
use mark::Mark;

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
    column: &'static Column,
    mark: Mark,
    role: Role,
    /// Logs may show its values.
    is_shown: bool,
}

impl Reader {
    /// A reader for these settings. Where they name a time zone that does not exist, every time without
    /// an offset is refused.
    pub fn new(settings: &Settings) -> Reader {
        let dataset = Dataset::Clickstream;
        let known = |column: &'static Column| Known {
            column,
            mark: Mark::of(column.name),
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
        let reason = json::too_large(column, rule, self.checks.keys())
            .unwrap_or_else(|| rules::reason(rule, Some(column), self.checks.sets()));
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

#[cfg(test)]
mod tests;
