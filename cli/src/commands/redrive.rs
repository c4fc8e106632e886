//! `redrive`: dead letters get another try.

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;
use shopflow_core::Result;

use super::run::pretty;
use crate::args::{Queue, Redrive};
use crate::redrive::{self, Action, Letter, Scope};
use crate::table::Table;
use crate::target::Target;

/// Redrives and says what became of each message. Exit code 1 when one of them stays.
pub async fn redrive(arguments: &Redrive) -> Result<ExitCode> {
    let target = Target::open(&arguments.environment.name).await?;
    let queues = match arguments.queue {
        Some(queue) => vec![queue],
        None => Queue::value_variants().to_vec(),
    };
    let scope = Scope { limit: arguments.limit as usize, dry_run: arguments.dry_run };
    let letters = redrive::redrive(&target, &queues, scope).await?;
    if arguments.json {
        println!("{}", pretty(&json!({"dry_run": arguments.dry_run, "messages": letters}))?);
    } else {
        print!("{}", render(&letters));
    }
    let stays = letters.iter().any(|letter| letter.action == Action::Left || letter.still_there);
    Ok(if stays && !arguments.dry_run { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn render(letters: &[Letter]) -> String {
    if letters.is_empty() {
        return "There are no dead letters.\n".to_owned();
    }
    let mut table = Table::new(&["queue", "message", "about", "failed because", "now", "note"]);
    for letter in letters {
        table.rows.push(vec![
            Some(letter.queue.to_owned()),
            Some(letter.message_id.clone()),
            Some(letter.about.clone()),
            Some(letter.failed_because.clone()),
            Some(letter.action.words().to_owned()),
            letter.note.clone(),
        ]);
    }
    let count = |action: Action| letters.iter().filter(|letter| letter.action == action).count();
    let counts: Vec<String> =
        [Action::Moved, Action::Called, Action::Started, Action::WouldRetry, Action::Left]
            .into_iter()
            .filter(|action| count(*action) > 0)
            .map(|action| format!("{} {}", count(action), action.words()))
            .collect();
    format!("{}\n{} messages: {}\n", table.render(), letters.len(), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_and_its_fate_are_shown() {
        let letter = |action, note: Option<&str>| Letter {
            queue: "ingest",
            message_id: "m-1".to_owned(),
            about: "s3://landing/incoming/products/p.csv".to_owned(),
            failed_because: "throttled".to_owned(),
            action,
            note: note.map(str::to_owned),
            still_there: false,
        };
        let text = render(&[letter(Action::Moved, None), letter(Action::Left, Some("delete it"))]);
        assert!(text.contains("incoming/products/p.csv"), "{text}");
        assert!(text.ends_with("2 messages: 1 moved back, 1 left\n"), "{text}");
        assert_eq!(render(&[]), "There are no dead letters.\n");
    }
}
