//! Models against published figures, other software, and themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cdnow;
mod copurchase;
mod degenerate;
mod derivatives;
mod expectations;
mod staying;
