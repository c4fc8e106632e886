//! Compiles in the suites.

#[path = "../../shared/core/build/built_in.rs"]
mod built_in;

fn main() -> std::io::Result<()> {
    built_in::write("../../suites", "yaml", "suites.rs")
}
