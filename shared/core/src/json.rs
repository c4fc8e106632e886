//! Objects of JSON as the columns of a dataset see them: one value for each, and what there is
//! besides.
//!
//! `validate` reads the lines of files with it, and the stream those events that its short way leaves.
//! No tree is built, and texts are borrowed where they have no escapes.
//!
//! ```
//! use shopflow_core::Dataset;
//! use shopflow_core::json::{Object, Scalar};
//!
//! let text = r#"{"customer_id": 7, "note": ["a", null]}"#;
//! let object: Object<'_, ()> = Object::parse(text, Dataset::Clickstream.columns()).unwrap();
//! assert_eq!(object.values[2], Some(Scalar::Positive(7)));
//! assert!(object.unknown.has_value);
//! ```

mod numbers;
mod object;
mod reading;
mod scalar;

pub use numbers::{Number, number, too_large};
pub use object::{Object, Unknown};
pub use reading::Keep;
pub use scalar::Scalar;
