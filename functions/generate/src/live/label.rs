//! What an event is meant to be.

use crate::shop::defects::{Defect, Edit};
use crate::shop::kinds::Kind;
use crate::shop::rng::Draws;

/// What is special about an event; one thing each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// Sent when it happens, by a visitor.
    Good,
    /// The same by a bot.
    Bot,
    /// Some seconds older than events that came before it.
    OutOfOrder,
    /// Older than the stream waits for, and within the lateness of its windows.
    Late,
    /// Older than any window waits for.
    TooLate,
    /// The line of an earlier event once more, byte for byte.
    Duplicate,
    /// Nothing that can be read: see [`Breakage`].
    Broken,
    /// Of a clock that is minutes or hours ahead.
    Future,
}

impl Label {
    /// Every label.
    pub const ALL: [Label; 8] = [
        Label::Good,
        Label::Bot,
        Label::OutOfOrder,
        Label::Late,
        Label::TooLate,
        Label::Duplicate,
        Label::Broken,
        Label::Future,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Label::Good => "good",
            Label::Bot => "bot",
            Label::OutOfOrder => "out_of_order",
            Label::Late => "late",
            Label::TooLate => "too_late",
            Label::Duplicate => "duplicate",
            Label::Broken => "broken",
            Label::Future => "future",
        }
    }
}

/// How a broken line is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Breakage {
    /// The object loses its end.
    CutJson,
    /// A text where a number belongs.
    WrongType,
    /// A column that every event has is not there.
    MissingColumn,
    /// A type of event that no shop has.
    UnknownEventType,
    /// A byte that is no UTF-8.
    BrokenUtf8,
}

/// Columns that every event has.
const NEEDED: [&str; 7] =
    ["event_id", "session_id", "event_type", "url", "device", "country", "timestamp"];
/// A type of event that is in nobody's configuration.
const UNKNOWN: &str = "no_such_event";

impl Breakage {
    /// Every kind.
    pub const ALL: [Breakage; 5] = [
        Breakage::CutJson,
        Breakage::WrongType,
        Breakage::MissingColumn,
        Breakage::UnknownEventType,
        Breakage::BrokenUtf8,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Breakage::CutJson => "cut_json",
            Breakage::WrongType => "wrong_type",
            Breakage::MissingColumn => "missing_column",
            Breakage::UnknownEventType => "unknown_event_type",
            Breakage::BrokenUtf8 => "broken_utf8",
        }
    }

    /// The same as a defect of the generated files.
    pub(super) fn defect(self, draws: &mut Draws) -> Defect {
        let (kind, column, edit) = match self {
            Breakage::CutJson => (Kind::BadJson, None, Edit::CutEnd),
            Breakage::WrongType => {
                (Kind::NotANumber, Some("customer_id"), Edit::Text("twelve".to_owned()))
            }
            Breakage::MissingColumn => {
                (Kind::MissingField, Some(*draws.pick(&NEEDED)), Edit::Leave)
            }
            Breakage::UnknownEventType => {
                (Kind::UnknownEventType, Some("event_type"), Edit::Text(UNKNOWN.to_owned()))
            }
            Breakage::BrokenUtf8 => (Kind::InvalidUtf8, Some("url"), Edit::Garble),
        };
        Defect { kind, column, edit }
    }
}
