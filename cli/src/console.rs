//! What a command says while it works. Progress goes to standard error, results to standard
//! output, so that results can be piped.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use shopflow_core::Result;

/// Where progress is shown, if anywhere.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    verbose: bool,
}

impl Console {
    /// Progress on standard error.
    pub fn stderr() -> Self {
        Console { verbose: true }
    }

    /// No progress at all, for tests and for `--json`.
    pub fn quiet() -> Self {
        Console { verbose: false }
    }

    /// True when progress may be redrawn in place.
    pub fn in_place(self) -> bool {
        self.verbose && std::io::stderr().is_terminal()
    }

    /// True when anything is shown.
    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Says one thing.
    pub fn note(self, text: &str) {
        if self.in_place() {
            // A program that works beside this one may have left its own progress on the line.
            eprintln!("\r\x1b[2K{text}");
        } else if self.verbose {
            eprintln!("{text}");
        }
    }

    /// Starts a step: says what is about to happen, and at the end how long it took.
    pub fn step(self, text: &str) -> Step {
        self.note(&format!("• {text}"));
        Step { console: self, title: text.to_owned(), started: Instant::now() }
    }
}

/// A step under way.
#[derive(Debug)]
pub struct Step {
    console: Console,
    title: String,
    started: Instant,
}

impl Step {
    /// The step is done; `outcome` says what came of it. It is named again by the first word of
    /// its title: steps overlap.
    pub fn done(self, outcome: &str) {
        let took = seconds(self.started.elapsed());
        let subject = self.title.split_once(':').map_or("", |(subject, _)| subject);
        self.console.note(&format!("  {subject}: {outcome} ({took})"));
    }

    /// Names the step in the error of `result`, so that the reader knows how far it came.
    ///
    /// # Errors
    /// The error of `result`.
    pub fn check<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.console.note(&format!("  failed at this step: {}", self.title)))
    }
}

/// Keeps a text on its line: keys of objects and what stands in files can hold any character.
pub fn on_one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A duration for people: `0.42 s`, `12.3 s`, `3 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let total = duration.as_secs_f64();
    if total < 10.0 {
        format!("{total:.2} s")
    } else if total < 120.0 {
        format!("{total:.1} s")
    } else {
        let whole = total.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line() {
        assert_eq!(on_one_line("a\nb\u{1b}[2Kc é"), "a\u{fffd}b\u{fffd}[2Kc é");
    }

    #[test]
    fn durations_are_shown_as_precisely_as_people_need() {
        assert_eq!(seconds(Duration::from_millis(418)), "0.42 s");
        assert_eq!(seconds(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 05 s");
    }
}
