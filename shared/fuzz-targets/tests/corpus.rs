//! Replays the corpus of each target.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use shopflow_fuzz_targets::TARGETS;

/// The corpus stays small: what a fuzzer finds is kept when it shows something.
const MOST_BYTES: usize = 8 * 1024;
const MOST_FILES: usize = 64;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The names of what is in a folder of `fuzz/`, sorted.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn every_input_of_the_corpus_is_read_as_its_target_promises() {
    for (name, target) in TARGETS {
        let files = names(&fuzz().join("corpus").join(name));
        assert!((3..=MOST_FILES).contains(&files.len()), "{name} has {} inputs", files.len());
        for file in files {
            let data = fs::read(&file).unwrap();
            assert!(data.len() <= MOST_BYTES, "{}", file.display());
            println!("{}", file.display());
            target(&data);
        }
    }
}

/// What is cut off, and what has other bytes in it, is no reason to panic either.
#[test]
fn inputs_that_are_cut_or_changed_are_read_as_their_target_promises() {
    for (name, target) in TARGETS {
        for file in names(&fuzz().join("corpus").join(name)) {
            let data = fs::read(&file).unwrap();
            println!("{}", file.display());
            for part in 1..8 {
                target(&data[..data.len() * part / 8]);
            }
            for (turn, byte) in [b'"', b'\n', b'\r', b',', 0, 0xFF].into_iter().enumerate() {
                let mut changed = data.clone();
                let at = (changed.len() * (2 * turn + 3)).checked_div(16).unwrap_or_default();
                if let Some(place) = changed.get_mut(at) {
                    *place = byte;
                }
                target(&changed);
            }
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_line_in_the_readme() {
    let known: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    let of = |folder: &str| -> BTreeSet<String> {
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        names(&fuzz().join(folder)).iter().map(stem).collect()
    };
    assert!(of("fuzz_targets").iter().map(String::as_str).eq(known.iter().copied()));
    assert!(of("corpus").iter().map(String::as_str).eq(known.iter().copied()));
    let readme = fs::read_to_string(fuzz().join("README.md")).unwrap();
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in known {
        assert!(readme.contains(&format!("| `{name}` |")), "README.md lacks {name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "Cargo.toml lacks {name}");
        let program = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("run(\"{name}\", data)")), "{name}.rs runs another one");
    }
}
