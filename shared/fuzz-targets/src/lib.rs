//! What is fuzzed: one function for each reader of bytes that come from outside.
//!
//! A target takes any bytes and panics where something does not hold that must hold for all of
//! them, beyond the absence of panics in the reader itself. `fuzz/` runs the targets under
//! libFuzzer; the test of this crate replays the corpus in `fuzz/corpus/<target>/` through the
//! same functions, without any fuzzer. `fuzz/README.md` lists what each target calls and holds.

pub mod changes;
pub mod clicks;
pub mod files;
pub mod manifests;
pub mod notices;
pub mod requests;
pub mod stages;
pub mod suites;
pub mod values;

/// A reader under test, given any bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its program in `fuzz/fuzz_targets/` and of its corpus.
pub const TARGETS: [(&str, Target); 15] = [
    ("click_record", clicks::record),
    ("click_state", clicks::state),
    ("collect", requests::collect),
    ("condition", suites::condition),
    ("csv_read", files::read_csv),
    ("csv_validate", files::validate_csv),
    ("event", notices::event),
    ("json_lines_read", files::read_json_lines),
    ("json_lines_validate", files::validate_json_lines),
    ("manifest", manifests::manifest),
    ("pgoutput", changes::pgoutput),
    ("request", requests::request),
    ("stages", stages::agree),
    ("suite", suites::suite),
    ("values", values::grammar),
];

/// Runs the target of this name; for the programs of `fuzz/`.
///
/// # Panics
/// When the target finds something, or there is no target of this name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.unwrap_or_else(|| panic!("there is no target '{name}'"));
    target(data);
}
