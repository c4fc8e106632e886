//! A dead letter and what became of it.

use serde::Serialize;

/// How far a redrive goes.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// Messages per queue.
    pub limit: usize,
    /// Nothing is moved, called or deleted.
    pub dry_run: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is in the queue it came from again.
    Moved,
    /// The function was called with its event and succeeded.
    Called,
    /// Its run has been started.
    Started,
    /// What would have been done with it (dry run).
    WouldRetry,
    /// It stays among the dead letters.
    Left,
}

/// A message and what became of it; nothing of its content but what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    pub queue: &'static str,
    pub message_id: String,
    /// The object or event it is about.
    pub about: String,
    /// Why it had failed, as far as it can be told.
    pub failed_because: String,
    pub action: Action,
    /// Why it stays, or what happened on its way.
    pub note: Option<String>,
    /// It got its other try, but could not be deleted.
    pub still_there: bool,
}

impl Action {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Action::Moved => "moved back",
            Action::Called => "called again",
            Action::Started => "started",
            Action::WouldRetry => "would be tried again",
            Action::Left => "left",
        }
    }
}
