//! How far a build is: crates done of all, and what is compiled now.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Crates that are named as being compiled.
const NAMED: usize = 3;

/// The crates of a build and which of them are done.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Name by package id.
    crates: BTreeMap<String, String>,
    done: BTreeSet<String>,
    /// Names of the crates that have been started, the oldest first.
    running: Vec<String>,
}

/// A message of `cargo build --message-format json`, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Progress {
    /// Nothing is done yet of these crates.
    pub fn of(crates: BTreeMap<String, String>) -> Progress {
        Progress { crates, ..Progress::default() }
    }

    /// Takes a line of cargo's standard output: a message about an artifact that is there.
    pub fn artifact(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Message>(line) else { return };
        // The compiled build script of a crate is a step on the way to the crate.
        let is_script = |target: Target| target.kind.iter().any(|kind| kind == "custom-build");
        if message.reason != "compiler-artifact" || message.target.is_none_or(is_script) {
            return;
        }
        let Some(id) = message.package_id else { return };
        if let Some(name) = self.crates.get(&id) {
            self.running.retain(|running| running != name);
            self.done.insert(id);
        }
    }

    /// Takes a line of cargo's standard error. True when it is about progress and need not be
    /// shown, false when it is a warning, an error or anything else.
    pub fn status(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Compiling"), Some(name)) => {
                self.running.push(name.to_owned());
                true
            }
            (Some("Downloaded"), Some(_)) => true,
            _ => false,
        }
    }

    /// True while crates are being compiled.
    pub fn is_compiling(&self) -> bool {
        !self.running.is_empty()
    }

    /// `212 of 497 crates, now datafusion`.
    pub fn line(&self) -> String {
        let mut line = format!("{} of {} crates", self.done.len(), self.crates.len());
        if !self.running.is_empty() {
            let named: Vec<&str> = self.running.iter().take(NAMED).map(String::as_str).collect();
            line.push_str(&format!(", now {}", named.join(", ")));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crates `a`, `b` and `c`.
    fn progress() -> Progress {
        let id = |name: &str| (format!("registry#{name}@1.0.0"), name.to_owned());
        Progress::of(["a", "b", "c"].into_iter().map(id).collect())
    }

    fn artifact(name: &str, kind: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"registry#{name}@1.0.0",
                "target":{{"name":"{name}","kind":["{kind}"]}},"fresh":false}}"#
        )
    }

    #[test]
    fn a_crate_is_done_once_its_library_is_and_not_with_its_build_script() {
        let mut progress = progress();
        assert_eq!(progress.line(), "0 of 3 crates");
        assert!(progress.status("   Compiling a v1.0.0"));
        progress.artifact(&artifact("a", "custom-build"));
        assert_eq!(progress.line(), "0 of 3 crates, now a");
        progress.artifact(&artifact("a", "lib"));
        assert_eq!(progress.line(), "1 of 3 crates");
        progress.artifact(&artifact("a", "bin"));
        assert_eq!(progress.line(), "1 of 3 crates", "library and program are one crate");
    }

    #[test]
    fn the_crate_that_takes_longest_is_named_first() {
        let mut progress = progress();
        for name in ["b", "a", "c"] {
            progress.status(&format!("   Compiling {name} v1.0.0 (/shop/{name})"));
        }
        progress.artifact(&artifact("a", "proc-macro"));
        assert_eq!(progress.line(), "1 of 3 crates, now b, c");
        assert!(progress.is_compiling());
    }

    #[test]
    fn warnings_and_errors_are_shown_and_unknown_messages_ignored() {
        let mut progress = progress();
        for line in ["error[E0425]: cannot find value", "   --> src/lib.rs:1:1", "", "    |"] {
            assert!(!progress.status(line), "{line}");
        }
        assert!(progress.status("  Downloaded a v1.0.0"));
        progress.artifact(r#"{"reason":"build-finished","success":true}"#);
        progress.artifact("a build script's own words");
        progress.artifact(&artifact("unknown", "lib"));
        assert_eq!(progress.line(), "0 of 3 crates");
        assert!(!progress.is_compiling());
    }
}
