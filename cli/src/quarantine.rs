//! Quarantine: the rows that `validate` refused, and their way back into the pipeline.
//!
//! - [`files`] finds the quarantine files, why their rows are there and what became of them.
//! - [`rows`] streams the rows of one file.
//! - [`repair`] gives the rows back the form of the file they came from; [`export`] writes them to
//!   a file of the user's.
//! - [`mask`] says what of them may be shown on a screen.
//! - [`replay`] sends rows through the pipeline again, in the place of their original file.
//! - [`accept`] loads a rejected file after all; [`acceptance`] says that it was accepted.
//! - [`judged`] reads what `validate` said of the files of a run, and finds those it said nothing of.
//! - [`account`] adds up what a run did with the rows it took.

pub mod accept;
pub mod acceptance;
pub mod account;
pub mod export;
pub mod files;
pub mod judged;
pub mod mask;
pub mod repair;
pub mod replay;
pub mod rows;

pub use account::Account;
pub use files::{Entry, Filter};
pub use replay::{Record, Request};
