//! What windows there are: the definitions of `streams/*.yaml`.

mod files;
mod sessions;
mod source;
mod windows;

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::filter::Filter;
use crate::session::Sessions;
use crate::window::Window;

/// What the sessions are called where windows have the names of their definitions.
pub const SESSIONS: &str = "sessions";
/// Where events are counted whose time has not come yet. No definition has this name.
pub const FUTURE: &str = "future";

/// Most definitions of windows: a click's fate has a bit for each, and one for the sessions.
pub(crate) const MOST_DEFINITIONS: usize = 63;

/// All definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definitions {
    /// Sorted by name.
    pub windows: Vec<Definition>,
    pub sessions: Sessions,
}

/// What is counted, by which key, over which windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name of its file.
    pub name: String,
    /// 16 hexadecimal digits that change with what decides the states: states of other versions
    /// do not merge.
    pub version: String,
    pub description: String,
    pub filter: Filter,
    /// Empty when everything is in one row.
    pub key: Vec<KeyColumn>,
    /// Keys with a row of their own; what others have is in one more row.
    pub max_keys: usize,
    pub aggregates: Vec<Aggregate>,
    pub windows: Vec<Window>,
    /// How far the end of an event's slice may be behind the watermark for the event to count.
    pub lateness: Duration,
    /// How long closed windows are kept.
    pub retention: Duration,
}

/// A column that rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyColumn {
    ProductId,
    EventType,
    Device,
    Country,
}

impl KeyColumn {
    pub(crate) const ALL: [KeyColumn; 4] =
        [KeyColumn::ProductId, KeyColumn::EventType, KeyColumn::Device, KeyColumn::Country];

    /// The name of the column.
    pub fn name(self) -> &'static str {
        match self {
            KeyColumn::ProductId => "product_id",
            KeyColumn::EventType => "event_type",
            KeyColumn::Device => "device",
            KeyColumn::Country => "country",
        }
    }
}

/// A figure of each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    pub name: String,
    pub kind: AggregateKind,
    /// Of the clicks that the definition takes, those that count here.
    pub filter: Filter,
}

/// How a figure is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateKind {
    /// The number of events.
    Count,
    /// The sum of a column.
    Sum(SumColumn),
    /// The number of different values: exact up to [`crate::EXACT_DISTINCT`], then an estimate with a
    /// standard error of [`crate::DISTINCT_ERROR`].
    Distinct(DistinctColumn),
    /// The most frequent values. A count is too high by at most its error, and that is less than the
    /// number of events through `keep`; the first `show` are in the figure.
    Top { column: TopColumn, keep: usize, show: usize },
}

/// A column that can be summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumColumn {
    Amount,
}

/// A column whose values can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistinctColumn {
    SessionId,
    CustomerId,
    ProductId,
}

impl DistinctColumn {
    pub(crate) const ALL: [DistinctColumn; 3] =
        [DistinctColumn::SessionId, DistinctColumn::CustomerId, DistinctColumn::ProductId];

    /// The name of the column.
    pub fn name(self) -> &'static str {
        match self {
            DistinctColumn::SessionId => "session_id",
            DistinctColumn::CustomerId => "customer_id",
            DistinctColumn::ProductId => "product_id",
        }
    }
}

/// A column whose most frequent values can be told: figures are shown, so none about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopColumn {
    ProductId,
}

impl Definitions {
    /// What a place in [`crate::Parts`] or [`crate::Places`] stands for: the name of the definition at
    /// this place, and [`SESSIONS`] behind the last one.
    pub fn name_of(&self, place: usize) -> &str {
        self.windows.get(place).map_or(SESSIONS, |definition| &definition.name)
    }

    /// The definition of this name.
    pub fn find(&self, name: &str) -> Option<&Definition> {
        self.windows.iter().find(|definition| definition.name == name)
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of a text.
fn version_of(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let first = hash.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte));
    format!("{first:016x}")
}

/// The version of what decides the states of a definition.
fn version(
    filter: &Filter,
    key: &[KeyColumn],
    max_keys: usize,
    aggregates: &[Aggregate],
) -> String {
    let key: Vec<&str> = key.iter().map(|column| column.name()).collect();
    let mut text = format!("filter {filter}\nkey {}\nmax_keys {max_keys}\n", key.join(", "));
    for Aggregate { name, kind, filter } in aggregates {
        let kind = match kind {
            AggregateKind::Count => "count".to_owned(),
            AggregateKind::Sum(SumColumn::Amount) => "sum amount".to_owned(),
            AggregateKind::Distinct(column) => format!("distinct {}", column.name()),
            // How many are shown decides no state.
            AggregateKind::Top { column: TopColumn::ProductId, keep, show: _ } => {
                format!("top product_id {keep}")
            }
        };
        text.push_str(&format!("{name}: {kind}, filter {filter}\n"));
    }
    version_of(&text)
}
