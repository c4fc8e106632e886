//! Rows that could not be read.

use serde::{Deserialize, Serialize};

/// Rows of a text source that could not be read as rows of the table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Unreadable {
    pub count: u64,
    /// The first of them: where, and why.
    pub first: Vec<(u64, String)>,
}

impl Unreadable {
    /// Rows that are listed.
    const LISTED: usize = 20;

    /// Notes one more.
    pub fn add(&mut self, at: u64, reason: &str) {
        self.count += 1;
        if self.first.len() < Self::LISTED {
            self.first.push((at, reason.to_owned()));
        }
    }

    /// Adds those of a part that follows.
    pub(crate) fn append(&mut self, next: Unreadable) {
        self.count += next.count;
        let room = Self::LISTED.saturating_sub(self.first.len());
        self.first.extend(next.first.into_iter().take(room));
    }

    /// The same behind so many records more.
    pub(crate) fn behind(mut self, records: u64) -> Unreadable {
        self.first.iter_mut().for_each(|(at, _)| *at += records);
        self
    }
}
