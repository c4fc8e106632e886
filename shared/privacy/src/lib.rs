//! Personal data: found, classified and treated. No AWS, no Postgres, no query engine.
//!
//! | module | question |
//! |---|---|
//! | [`detect()`], [`Rule`] | which rules does one value meet? |
//! | [`is_clearly_personal()`] | is that enough to hide it wherever it stands? |
//! | [`ColumnScan`], [`Finding`] | so what does a column hold, and how sure is that? |
//! | [`policy`] | how confidential is it, and what does each layer do with it? |
//! | [`treatment`] | the treatments: keyed hash, masks, redaction |
//!
//! No function here returns, keeps or prints a value it was given, except what a treatment leaves.
//!
//! ```
//! use shopflow_privacy::{ColumnScan, Kind};
//!
//! let mut scan = ColumnScan::default();
//! for value in ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"] {
//!     scan.observe(value.as_bytes());
//! }
//! let findings = scan.findings("account");
//! assert_eq!(findings[0].kind, Kind::Iban);
//! ```

mod check;
mod detect;
mod hint;
mod kind;
mod names;
mod numeral;
pub mod policy;
mod rule;
mod scan;
mod shape;
pub mod treatment;

pub use detect::{detect, is_clearly_personal};
pub use kind::Kind;
pub use names::Unknown;
pub use policy::{Class, Decision, Declared, Layer, Policies, PolicyProblems, RawPolicies};
pub use rule::{Matches, Rule};
pub use scan::{ColumnScan, Evidence, Extent, Finding};
pub use treatment::{Key, Treated, Treatment, Treatments};
