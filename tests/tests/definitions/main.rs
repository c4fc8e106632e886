//! The state machines and the template, read as the data they are: promises that an edit of JSON
//! or YAML cannot break unnoticed. Nothing runs here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asl;
mod machines;
mod modules;
mod samconfig;
mod stream;
mod template;
mod yaml;

use std::fs;
use std::path::PathBuf;

/// The text of a file of the repository.
fn read(path: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
