//! Compiles in the definitions of features, and their queries.

#[path = "../core/build/built_in.rs"]
mod built_in;

fn main() -> std::io::Result<()> {
    built_in::write("../../features", "yaml", "features.rs")?;
    built_in::write("../../features/sql", "sql", "queries.rs")
}
