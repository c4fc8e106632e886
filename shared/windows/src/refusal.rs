//! Why an event, or a whole record, cannot be read.

use shopflow_core::rules::Rule;

/// What is wrong with an event or a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Absent when the event as a whole is at fault, or a field that the dataset does not know.
    pub column: Option<&'static str>,
    pub rule: Rule,
    /// The start of the value at fault, where the policies let logs show it.
    pub value: Option<String>,
    /// What is wrong, in words.
    pub reason: String,
}

impl Refusal {
    /// For an event or record that is at fault as a whole.
    pub(crate) fn of_whole(rule: Rule, reason: impl Into<String>) -> Refusal {
        Refusal { column: None, rule, value: None, reason: reason.into() }
    }
}
