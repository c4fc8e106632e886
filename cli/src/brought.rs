//! What a run was asked to take, for people who look for their file.

use serde_json::Value;
use shopflow_core::contract::Decision;
use shopflow_core::keys;

use crate::console::on_one_line;

/// Characters of a key that a list shows.
const SHOWN: usize = 64;

/// What the input of a run says of its source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// `generate`, `objects` or `pending`; absent when the pipeline chose by itself.
    pub kind: Option<String>,
    /// Of the objects it was given.
    pub keys: Vec<String>,
    /// Who has lifted the limit of refused rows for it, and why.
    pub decision: Option<Decision>,
}

impl Brought {
    /// From the input of an execution.
    pub fn of(input: &Value) -> Brought {
        let source = &input["source"];
        let objects = source["objects"].as_array().into_iter().flatten();
        let key = |object: &Value| object["key"].as_str().map(str::to_owned);
        Brought {
            kind: source["kind"].as_str().map(str::to_owned),
            keys: objects.filter_map(key).collect(),
            decision: serde_json::from_value(source["decision"].clone()).ok(),
        }
    }

    /// In one cell of a table: the first file, and how many more there are.
    pub fn short(&self) -> Option<String> {
        let Some((first, others)) = self.keys.split_first() else { return self.kind.clone() };
        Some(match others.len() {
            0 => shown_key(first),
            more => format!("{} and {more} more", shown_key(first)),
        })
    }

    /// Everything, line by line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.keys.iter().map(|key| format!("file      {}", on_one_line(key))).collect();
        lines.extend(self.decision.as_ref().map(|decision| {
            format!(
                "accepted  by {} on {}: {}",
                decision.by,
                decision.at.format("%Y-%m-%d %H:%M UTC"),
                on_one_line(&decision.why)
            )
        }));
        lines
    }
}

/// A key as lists show it: the end of a long one, and without the run that a file was sent with,
/// which stands beside it.
pub fn shown_key(key: &str) -> String {
    let short = match keys::run_of_generated(key) {
        Some(run_id) => key.replacen(&format!("run_id={run_id}"), "…", 1),
        None => key.to_owned(),
    };
    let letters: Vec<char> = on_one_line(&short).chars().collect();
    match letters.len().checked_sub(SHOWN) {
        None | Some(0) => letters.into_iter().collect(),
        Some(more) => std::iter::once('…').chain(letters.into_iter().skip(more + 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_shows_the_files_that_it_takes() {
        let object = |key: &str| json!({"bucket": "landing", "key": key});
        let input =
            |objects: Vec<Value>| json!({"source": {"kind": "objects", "objects": objects}});
        let one = Brought::of(&input(vec![object("incoming/products/a b.csv")]));
        assert_eq!(one.short().as_deref(), Some("incoming/products/a b.csv"));
        let three = Brought::of(&input(["x", "y", "z"].map(object).to_vec()));
        assert_eq!(three.short().as_deref(), Some("x and 2 more"));
        assert_eq!(three.lines(), ["file      x", "file      y", "file      z"]);
        let generated = Brought::of(&json!({"source": {"kind": "generate", "seed": 1}}));
        assert_eq!(generated.short().as_deref(), Some("generate"));
        assert_eq!(Brought::of(&json!({})).short(), None);
    }

    #[test]
    fn who_has_accepted_the_files_is_told() {
        let decision = json!({"by": "ana", "at": "2026-01-15T09:00:00Z", "why": "known"});
        let source = json!({"kind": "objects", "objects": [], "decision": decision});
        let lines = Brought::of(&json!({"source": source})).lines();
        assert_eq!(lines, ["accepted  by ana on 2026-01-15 09:00 UTC: known"]);
    }

    #[test]
    fn a_long_key_shows_its_end_and_no_run() {
        let sent = "incoming/products/run_id=run-20260115t093000-1f3a5c/00000-may.csv";
        assert_eq!(shown_key(sent), "incoming/products/…/00000-may.csv");
        let long = format!("incoming/products/{}/may.csv", "folder/".repeat(30));
        let shown = shown_key(&long);
        assert_eq!(shown.chars().count(), SHOWN);
        assert!(shown.starts_with('…') && shown.ends_with("/may.csv"), "{shown}");
        assert_eq!(shown_key("a\nb"), "a\u{fffd}b");
    }
}
