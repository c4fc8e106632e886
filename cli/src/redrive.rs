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
mod letter;
mod letters;
pub mod schedule;

use shopflow_core::Result;

pub use crate::args::Queue;
use crate::target::Target;
pub use letter::{Action, Letter, Scope};

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
