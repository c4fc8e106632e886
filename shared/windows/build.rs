//! Compiles in the definitions of windows and sessions.

#[path = "../core/build/built_in.rs"]
mod built_in;

fn main() -> std::io::Result<()> {
    built_in::write("../../streams", "yaml", "streams.rs")
}
