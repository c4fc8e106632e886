//! A function as it is deployed.

use std::path::PathBuf;

/// A function of the pipeline and the binary that was built for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub bootstrap: PathBuf,
    /// Another one whenever the binary is.
    pub stamp: String,
}

/// The architecture of this machine as Lambda names it.
pub fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }
}
