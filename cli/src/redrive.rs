//! Dead letters get another try.
//!
//! - [`ingest`]: messages about uploads go back to the queue they came from. Those that can never
//!   become a run stay, and why is said.
//! - [`cdc`]: calls of the function that failed for good are made again with their own event.
//! - [`schedule`]: nightly runs that could not be started are started.
//!
//! A message leaves its dead-letter queue only after its other try is on its way, so nothing is
//! lost when a redrive is interrupted; what is then tried twice changes nothing, since work that is
//! done is recognised.

pub mod cdc;
pub mod ingest;
mod letters;
pub mod schedule;

use serde::Serialize;
use shopflow_core::Result;

pub use crate::args::Queue;
use crate::target::Target;

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

/// Redrives the dead letters of these queues.
///
/// # Errors
/// When a queue cannot be read. A message that stays is a [`Letter`], not an error.
pub async fn redrive(target: &Target, queues: &[Queue], scope: Scope) -> Result<Vec<Letter>> {
    let mut letters = Vec::new();
    for queue in queues {
        letters.extend(match queue {
            Queue::Ingest => ingest::redrive(target, scope).await?,
            Queue::Cdc => cdc::redrive(target, scope).await?,
            Queue::Schedule => schedule::redrive(target, scope).await?,
        });
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn no_dead_letter_queue_of_the_stack_is_without_a_way_back() {
        let template = include_str!("../../template.yaml");
        let names = template.lines().filter_map(|line| {
            let name = line.trim().strip_prefix("QueueName: !Sub shopflow-${Environment}-")?;
            name.strip_suffix("-dead-letters")
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let known = Queue::value_variants().iter().filter_map(Queue::to_possible_value);
        let mut known: Vec<String> = known.map(|queue| queue.get_name().to_owned()).collect();
        known.sort_unstable();
        assert_eq!(names, known);
        assert_eq!(
            template.matches("deadLetterTargetArn").count(),
            1,
            "only uploads are redriven by SQS"
        );
    }
}
