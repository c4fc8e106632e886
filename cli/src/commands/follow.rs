//! Shows the stages of an execution while it runs: in place on a terminal, else line by line.

use std::fmt::Write as _;

use chrono::Utc;

use crate::console::Console;
use crate::progress::Progress;

/// What has been shown so far.
#[derive(Debug)]
pub struct Follower {
    console: Console,
    /// Lines to be redrawn (terminal), or stages that were printed (plain).
    shown: usize,
}

impl Follower {
    pub fn new(console: Console) -> Self {
        Follower { console, shown: 0 }
    }

    /// Shows how the execution stands now.
    pub fn show(&mut self, progress: &Progress) {
        if !self.console.is_verbose() {
            return;
        }
        let text =
            if self.console.in_place() { self.redrawn(progress) } else { self.appended(progress) };
        eprint!("{text}");
    }

    /// Moves up over the lines shown before and redraws all stages.
    fn redrawn(&mut self, progress: &Progress) -> String {
        let mut text = String::new();
        if self.shown > 0 {
            let _ = write!(text, "\x1b[{}A", self.shown);
        }
        let now = Utc::now();
        for stage in &progress.stages {
            let _ = writeln!(text, "\x1b[2K  {}", stage.line(now));
        }
        self.shown = progress.stages.len();
        text
    }

    /// Each stage once, when it has ended.
    fn appended(&mut self, progress: &Progress) -> String {
        let mut text = String::new();
        let now = Utc::now();
        for stage in progress.stages.iter().skip(self.shown) {
            if stage.exited.is_none() {
                break;
            }
            let _ = writeln!(text, "  {}", stage.line(now));
            self.shown += 1;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::progress::Stage;

    fn stage(name: &str, ended: bool) -> Stage {
        let entered = DateTime::from_timestamp(1_768_000_000, 0).unwrap();
        let exited = ended.then_some(entered);
        Stage { exited, attempts: 1, ..Stage::new(name, entered) }
    }

    #[test]
    fn without_a_terminal_each_stage_is_printed_once_and_when_it_ended() {
        let mut follower = Follower::new(Console::stderr());
        let running =
            Progress { stages: vec![stage("Load", true), stage("Transform", false)], ended: false };
        assert_eq!(follower.appended(&running).lines().count(), 1);
        assert_eq!(follower.appended(&running), "");
        let ended =
            Progress { stages: vec![stage("Load", true), stage("Transform", true)], ended: true };
        assert!(follower.appended(&ended).contains("transform"));
    }

    #[test]
    fn on_a_terminal_earlier_lines_are_drawn_over() {
        let mut follower = Follower::new(Console::stderr());
        let running = Progress { stages: vec![stage("Load", true)], ended: false };
        assert!(!follower.redrawn(&running).contains("\x1b[1A"));
        assert!(follower.redrawn(&running).starts_with("\x1b[1A\x1b[2K"));
    }
}
