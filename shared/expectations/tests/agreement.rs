//! Agreement with Great Expectations, expectation by expectation, on tables with defects and on
//! awkward ones: success and every number.
//!
//! What Great Expectations found is kept in `tests/golden`, written by
//! `bench/expectations/great_expectations_results.py`. Where Python has `great_expectations` at the pinned version
//! (`SHOPFLOW_PEERS_PYTHON`, or `python3`), the files are checked against it, and both run on random tables too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{compare_case, read_case};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The Python that has the pinned Great Expectations, if there is one; the one that is named must.
fn python() -> Option<String> {
    let named = std::env::var("SHOPFLOW_PEERS_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let requirements =
        std::fs::read_to_string(root().join("bench/expectations/requirements.txt")).unwrap();
    let pinned = requirements.lines().find_map(|line| line.strip_prefix("great_expectations=="))?;
    let output = Command::new(&python)
        .args(["-c", "import importlib.metadata as m; print(m.version('great_expectations'))"])
        .output();
    let found =
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == pinned.trim());
    assert!(found || named.is_none(), "{python} has no great_expectations {pinned}");
    found.then_some(python)
}

fn run(python: &str, arguments: &[&str]) -> String {
    let script = root().join("bench/expectations/great_expectations_results.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn every_stored_finding_of_great_expectations_is_ours_too() {
    let mut differences = Vec::new();
    let mut compared = 0;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let case: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        compared += compare_case(&read_case(&case), &mut differences);
    }
    assert!(compared > 700, "only {compared} expectations were compared");
    assert!(
        differences.is_empty(),
        "{} of {compared}:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn both_find_the_same_on_random_tables_when_great_expectations_is_installed() {
    let Some(python) = python() else {
        println!("great_expectations is not installed: only the stored findings were compared");
        return;
    };
    run(&python, &["check", golden().to_str().unwrap()]);
    let mut differences = Vec::new();
    let seed = std::env::var("SHOPFLOW_TEST_SEED").map_or(20_260_115, |seed| seed.parse().unwrap());
    for seed in seed..seed + 3 {
        let case: Value =
            serde_json::from_str(&run(&python, &["random", &seed.to_string()])).unwrap();
        compare_case(&read_case(&case), &mut differences);
        assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
    }
}
