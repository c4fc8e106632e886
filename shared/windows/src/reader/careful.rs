//! The long way to read an event: whatever JSON has, and what is wrong first.

use std::borrow::Cow;

use shopflow_core::Dataset;
use shopflow_core::json::{self, Scalar};
use shopflow_core::rules::{self, Rule};
use shopflow_core::schema_contract::Mode;

use super::kept::{Kept, blank, keep};
use super::{Known, Reader};
use crate::click::Click;
use crate::refusal::Refusal;

/// An event; of what the dataset does not know nothing is kept.
type Object<'a> = json::Object<'a, ()>;

impl Reader {
    /// Reads an event field by field, in the order in which `validate` judges.
    #[inline(never)]
    pub(super) fn read_carefully<'a>(&self, object: &'a [u8]) -> Result<Click<'a>, Refusal> {
        let columns = Dataset::Clickstream.columns();
        let Ok(text) = std::str::from_utf8(object) else {
            return Err(self.wrong_encoding(object));
        };
        let event = Object::parse(text, columns).map_err(|error| {
            // The parser's own words would repeat parts of the event.
            let reason = format!("the event is not one JSON object (at byte {})", error.column());
            Refusal::of_whole(Rule::InvalidJson, reason)
        })?;
        self.check_whole(&event)?;
        let mut click = blank();
        for (known, value) in self.columns.iter().zip(event.values) {
            let checked = match &value {
                None if known.column.required => Err(Rule::MissingField),
                Some(Scalar::Null) if known.column.required => Err(Rule::NullValue),
                None | Some(Scalar::Null) => Ok(Kept::Nothing),
                Some(value) => self.checks.value(known.column, value),
            };
            match checked {
                Ok(kept) => {
                    let text = match value {
                        Some(Scalar::Text(text)) => text,
                        Some(_) | None => Cow::Borrowed(""),
                    };
                    keep(&mut click, known.role, kept, text);
                }
                // The value is left out, and the event goes on without it.
                Err(rule)
                    if rule.is_about_type()
                        && self.contract.data_type == Mode::DiscardValue
                        && !known.column.required => {}
                Err(rule) => {
                    let shown = value.as_ref().map(Scalar::to_text);
                    return Err(self.refusal(known, rule, shown.as_deref()));
                }
            }
        }
        Ok(click)
    }

    /// What is wrong with the event as a whole.
    fn check_whole(&self, event: &Object<'_>) -> Result<(), Refusal> {
        if let Some(twice) = event.twice {
            let name = self.columns.get(twice).map_or("", |known| known.column.name);
            let reason = format!("the event has field {name} twice");
            return Err(Refusal::of_whole(Rule::InvalidJson, reason));
        }
        let is_unknown = match self.contract.columns {
            Mode::Evolve | Mode::DiscardValue => false,
            Mode::DiscardRow => event.unknown.has_value,
            Mode::Freeze => event.unknown.is_there,
        };
        if is_unknown {
            let reason = "the event has a field that the dataset does not know";
            return Err(Refusal::of_whole(Rule::UnknownColumn, reason));
        }
        if self.contract.columns != Mode::DiscardValue && event.unknown.has_nul {
            let reason = rules::reason(Rule::ControlCharacter, None, self.checks.sets());
            return Err(Refusal::of_whole(Rule::ControlCharacter, reason));
        }
        Ok(())
    }

    /// Names the field with the wrong bytes, if the event can be read otherwise.
    fn wrong_encoding(&self, object: &[u8]) -> Refusal {
        let text = String::from_utf8_lossy(object);
        let event = Object::parse(&text, Dataset::Clickstream.columns());
        let values = event.map(|event| event.values).unwrap_or_default();
        let is_wrong = |(_, value): &(&Known, Option<Scalar<'_>>)| match value {
            Some(Scalar::Text(text)) => text.contains(char::REPLACEMENT_CHARACTER),
            Some(_) | None => false,
        };
        match self.columns.iter().zip(values).find(is_wrong) {
            Some((known, _)) => self.refusal(known, Rule::InvalidUtf8, None),
            None => Refusal::of_whole(Rule::InvalidUtf8, "the event is not UTF-8"),
        }
    }
}
