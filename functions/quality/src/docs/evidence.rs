//! What pages are made of.

use shopflow_core::contract::LedgerEntry;
use shopflow_core::privacy::Privacy;

use crate::expectations::Outcome;
use crate::expectations::history::Compared;
use crate::report::Report;

/// What the pages of a run are made of.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub report: &'a Report,
    pub ledger: &'a [LedgerEntry],
    pub outcomes: &'a [Outcome],
    /// The profiles of earlier runs, by table.
    pub compared: &'a [Compared],
    /// Who may see which column.
    pub privacy: &'a Privacy,
}

impl Evidence<'_> {
    pub(super) fn run_id(&self) -> &str {
        &self.report.run.run_id
    }

    pub(super) fn compared(&self, outcome: &Outcome) -> Option<&Compared> {
        self.compared.iter().find(|compared| compared.table == outcome.suite)
    }
}

/// A page and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the reports bucket.
    pub key: String,
    pub content: String,
}
