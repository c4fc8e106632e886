//! What is done to a personal value before a layer gets it.
//!
//! | treatment | `ada@example.com` | card `4111 1111 1111 1111` | again on its own output |
//! |---|---|---|---|
//! | keep | `ada@example.com` | `4111 1111 1111 1111` | same |
//! | hash | 26 letters and digits | 26 letters and digits | another hash: do it once |
//! | mask | `xxx@xxxxxxx.xxx` | `0000 0000 0000 0000` | same |
//! | last_four | `xxx@xxxxxxe.com` | `0000 0000 0000 1111` | same |
//! | initial | `a***@example.com` | `4***` | same |
//! | redact | `[redacted]` | `[redacted]` | same |
//! | drop | no column | no column | no column |

pub mod hash;
pub mod mask;
mod normal;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use hash::{Key, KeyTooShort};
pub use normal::normal_form;

use crate::kind::Kind;
use crate::names::{self, Unknown};

/// What a redacted value becomes.
pub const REDACTED: &str = "[redacted]";

/// One way to treat a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Treatment {
    /// Nothing is done.
    Keep,
    /// Keyed hash: equal values stay equal, so joins and counts work. See [`hash`].
    Hash,
    /// Masked, all but the last four letters and digits.
    LastFour,
    /// First letter and `***`; e-mail addresses keep their domain.
    Initial,
    /// Each letter and digit replaced by one of its class. A mask, not encryption: nobody can
    /// undo it, and it hides neither length nor punctuation.
    Mask,
    /// [`REDACTED`] in place of the value.
    Redact,
    /// The column is left out.
    Drop,
}

impl Treatment {
    /// Every treatment, from the weakest to the strictest.
    pub const ALL: [Treatment; 7] = [
        Treatment::Keep,
        Treatment::Hash,
        Treatment::LastFour,
        Treatment::Initial,
        Treatment::Mask,
        Treatment::Redact,
        Treatment::Drop,
    ];

    /// The name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Treatment::Keep => "keep",
            Treatment::Hash => "hash",
            Treatment::LastFour => "last_four",
            Treatment::Initial => "initial",
            Treatment::Mask => "mask",
            Treatment::Redact => "redact",
            Treatment::Drop => "drop",
        }
    }

    /// True when `value` can be what the treatment leaves of a value of `kind`: how a table is
    /// checked without its originals. A kept value can be anything, a dropped one is none.
    ///
    /// ```
    /// use shopflow_privacy::{Kind, Treatment};
    ///
    /// assert!(Treatment::Initial.leaves(Some(Kind::Email), "a***@example.com"));
    /// assert!(!Treatment::Initial.leaves(Some(Kind::Email), "ada@example.com"));
    /// ```
    pub fn leaves(self, kind: Option<Kind>, value: &str) -> bool {
        if value.trim().is_empty() {
            return self != Treatment::Drop;
        }
        match self {
            Treatment::Keep => true,
            Treatment::Hash => hash::is_hash(value),
            Treatment::LastFour => mask::last_four(value) == value,
            Treatment::Mask => mask::all(value) == value,
            Treatment::Initial if kind == Some(Kind::Email) => {
                mask::initial_and_domain(value) == value
            }
            Treatment::Initial => mask::initial(value) == value,
            Treatment::Redact => value == REDACTED,
            Treatment::Drop => false,
        }
    }

    /// What remains to be done to a value that `self` has treated, so that it is as `next` would
    /// have left it; nothing where that needs what `self` has taken away.
    ///
    /// ```
    /// use shopflow_privacy::Treatment;
    ///
    /// assert_eq!(Treatment::Keep.then(Treatment::Hash), Some(Treatment::Hash));
    /// assert_eq!(Treatment::Hash.then(Treatment::Hash), Some(Treatment::Keep));
    /// assert_eq!(Treatment::Redact.then(Treatment::Hash), None);
    /// ```
    pub fn then(self, next: Treatment) -> Option<Treatment> {
        match (self, next) {
            _ if self == next => Some(Treatment::Keep),
            (Treatment::Keep, _) => Some(next),
            (Treatment::Drop, _) => None,
            (_, Treatment::Redact | Treatment::Drop) => Some(next),
            (Treatment::LastFour, Treatment::Mask) => Some(next),
            _ => None,
        }
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Treatment {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        names::parse("treatment", &Treatment::ALL, Treatment::name, name)
    }
}

/// A treated value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Treated<'a> {
    /// What the layer gets.
    Value(Cow<'a, str>),
    /// The layer does not have the column.
    Dropped,
}

impl<'a> Treated<'a> {
    /// The value, if the column is there.
    pub fn value(self) -> Option<Cow<'a, str>> {
        match self {
            Treated::Value(value) => Some(value),
            Treated::Dropped => None,
        }
    }
}

/// Treatments with the key of their hash.
#[derive(Debug, Clone)]
pub struct Treatments {
    key: Key,
}

impl Treatments {
    /// Treatments that hash with `key`.
    pub fn new(key: Key) -> Self {
        Treatments { key }
    }

    /// Treats a value of `kind`, or of none that is known. Empty values stay empty: there is nothing to protect, and nulls
    /// must remain nulls.
    ///
    /// ```
    /// use shopflow_privacy::{Key, Kind, Treatment, Treatments};
    ///
    /// let treatments = Treatments::new(Key::new(b"sixteen bytes or more")?);
    /// let treated = treatments.apply(Treatment::Initial, Kind::Email, "ada@example.com");
    /// assert_eq!(treated.value().as_deref(), Some("a***@example.com"));
    /// # Ok::<(), shopflow_privacy::treatment::KeyTooShort>(())
    /// ```
    pub fn apply<'a>(
        &self,
        treatment: Treatment,
        kind: impl Into<Option<Kind>>,
        value: &'a str,
    ) -> Treated<'a> {
        let kind = kind.into();
        if treatment == Treatment::Drop {
            return Treated::Dropped;
        }
        if treatment == Treatment::Keep || value.trim().is_empty() {
            return Treated::Value(Cow::Borrowed(value));
        }
        let treated = match treatment {
            Treatment::Hash => self.key.hash(kind, value),
            Treatment::LastFour => mask::last_four(value),
            Treatment::Initial if kind == Some(Kind::Email) => mask::initial_and_domain(value),
            Treatment::Initial => mask::initial(value),
            Treatment::Mask => mask::all(value),
            _ => REDACTED.to_owned(),
        };
        Treated::Value(Cow::Owned(treated))
    }
}
