//! Rows of features against their meaning, worked out the long way.

mod examples;
mod given;
mod oracle;
mod properties;
