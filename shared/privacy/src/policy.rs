//! Which data is how confidential, and what each layer does with it.
//!
//! ```yaml
//! kinds: {email: confidential, phone: confidential, card_number: restricted}
//! other_kinds: confidential
//! columns: {customers.email: email, customers.country: public}
//! extra_columns: {customers.mobile: phone}
//! minimum_confidence: 0.5
//! treatments:
//!   public:       {bronze: keep, silver: keep, gold: keep, logs: keep}
//!   internal:     {bronze: keep, silver: keep, gold: keep, logs: redact}
//!   confidential: {bronze: keep, silver: hash, gold: hash, logs: redact}
//!   restricted:   {bronze: keep, silver: redact, gold: drop, logs: drop}
//! exceptions: {email: {silver: initial, gold: drop}}
//! ```

mod parse;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

pub use parse::{PolicyProblems, RawPolicies};

use crate::kind::Kind;
use crate::names::{self, Unknown};
use crate::scan::Finding;
use crate::treatment::Treatment;

/// How confidential data is, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Public,
    Internal,
    Confidential,
    Restricted,
}

impl Class {
    /// Every class, from the least to the most confidential.
    pub const ALL: [Class; 4] =
        [Class::Public, Class::Internal, Class::Confidential, Class::Restricted];

    /// The name in configuration, tags and reports.
    pub fn name(self) -> &'static str {
        match self {
            Class::Public => "public",
            Class::Internal => "internal",
            Class::Confidential => "confidential",
            Class::Restricted => "restricted",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        names::parse("class", &Class::ALL, Class::name, name)
    }
}

/// Where data comes to lie, in the order it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    Bronze,
    Silver,
    Gold,
    /// Logs, reports, metrics and state: what people look at and nobody joins.
    Logs,
}

impl Layer {
    /// Every layer.
    pub const ALL: [Layer; 4] = [Layer::Bronze, Layer::Silver, Layer::Gold, Layer::Logs];

    /// The name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Bronze => "bronze",
            Layer::Silver => "silver",
            Layer::Gold => "gold",
            Layer::Logs => "logs",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layer {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        names::parse("layer", &Layer::ALL, Layer::name, name)
    }
}

/// The treatment of each layer, in the order of [`Layer::ALL`].
pub(crate) type PerLayer = [Treatment; Layer::ALL.len()];

/// Classes and treatments, checked when they are read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawPolicies")]
pub struct Policies {
    classes: BTreeMap<Kind, Class>,
    other_kinds: Class,
    /// By `dataset.column`, either of which may be `*`.
    columns: BTreeMap<String, Declared>,
    /// The same of columns that files have and no definition knows.
    extra_columns: BTreeMap<String, Declared>,
    minimum_confidence: f64,
    treatments: BTreeMap<Class, PerLayer>,
    exceptions: BTreeMap<Kind, PerLayer>,
}

/// What a definition says about a column: what it holds, or just how confidential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// Personal data of this kind; the policies give the kind its class.
    Kind(Kind),
    /// No personal data, or of no kind that is told apart.
    Class(Class),
}

impl Declared {
    /// The kind of personal data, if it is any.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Declared::Kind(kind) => Some(kind),
            Declared::Class(_) => None,
        }
    }

    /// The name of the kind, or else of the class.
    pub fn name(self) -> &'static str {
        match self {
            Declared::Kind(kind) => kind.name(),
            Declared::Class(class) => class.name(),
        }
    }
}

/// What the policies say about one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub class: Class,
    /// What it holds, as far as that is known.
    pub kind: Option<Kind>,
    treatments: PerLayer,
}

impl Decision {
    /// How the value appears in `layer`, as seen from the original.
    pub fn treatment(&self, layer: Layer) -> Treatment {
        self.treatments[layer as usize]
    }

    /// What is to be done when a value goes from one layer to another: where both treat it alike,
    /// it has been treated already.
    pub fn step(&self, from: Layer, to: Layer) -> Treatment {
        // Policies whose layers cannot follow each other are refused when they are read; should a
        // caller go back from gold to silver, nothing is shown.
        self.treatment(from).then(self.treatment(to)).unwrap_or(Treatment::Drop)
    }
}

impl Policies {
    /// The class of a kind of personal data.
    pub fn class_of(&self, kind: Kind) -> Class {
        self.classes.get(&kind).copied().unwrap_or(self.other_kinds)
    }

    /// What holds for `column` of `dataset`, of which `findings` are known.
    ///
    /// A column named in the configuration has the kind or class given there, whatever was found:
    /// that is how a person overrules the detection, and how a hash stays the same on a day of
    /// odd values. Otherwise the most confidential kind found with the
    /// minimum confidence decides; without one the column is internal.
    pub fn decide(&self, dataset: &str, column: &str, findings: &[Finding]) -> Decision {
        let sure = findings.iter().filter(|found| self.is_sure(found));
        // Of two equally confidential kinds the more probable one; findings are sorted by that.
        let mut kind: Option<Kind> = None;
        for found in sure {
            if kind.is_none_or(|kind| self.class_of(found.kind) > self.class_of(kind)) {
                kind = Some(found.kind);
            }
        }
        match (self.named(dataset, column), kind) {
            (Some(Declared::Class(class)), found) => self.decision(found, class),
            (Some(named), _) => self.of_declared(named),
            (None, Some(found)) => self.of_declared(Declared::Kind(found)),
            (None, None) => self.decision(None, Class::Internal),
        }
    }

    /// What holds for `column` of `dataset`, of which its definition says what it holds; the
    /// configuration overrules the definition.
    pub fn decide_declared(&self, dataset: &str, column: &str, declared: Declared) -> Decision {
        match self.named(dataset, column) {
            Some(Declared::Class(class)) => self.decision(declared.kind(), class),
            Some(named) => self.of_declared(named),
            None => self.of_declared(declared),
        }
    }

    /// The columns the configuration names, as `dataset.column`; either may be `*`.
    pub fn named_columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.keys().filter_map(|name| name.split_once('.'))
    }

    /// The columns without a definition that the configuration names, in the same way.
    pub fn named_extra_columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.extra_columns.keys().filter_map(|name| name.split_once('.'))
    }

    /// True when a finding has the confidence that counts.
    pub fn is_sure(&self, finding: &Finding) -> bool {
        finding.confidence >= self.minimum_confidence
    }

    /// True when the configuration says what `column` of `dataset` holds.
    pub fn names(&self, dataset: &str, column: &str) -> bool {
        self.named(dataset, column).is_some()
    }

    fn named(&self, dataset: &str, column: &str) -> Option<Declared> {
        [(dataset, column), ("*", column), (dataset, "*")]
            .into_iter()
            .map(|(dataset, column)| format!("{dataset}.{column}"))
            .find_map(|name| self.columns.get(&name).or_else(|| self.extra_columns.get(&name)))
            .copied()
    }

    fn of_declared(&self, declared: Declared) -> Decision {
        match declared {
            Declared::Kind(kind) => self.decision(Some(kind), self.class_of(kind)),
            Declared::Class(class) => self.decision(None, class),
        }
    }

    fn decision(&self, kind: Option<Kind>, class: Class) -> Decision {
        // An exception is about the class its kind has; another class has its own treatments.
        let exception = kind
            .filter(|kind| self.class_of(*kind) == class)
            .and_then(|kind| self.exceptions.get(&kind));
        let treatments = exception.or_else(|| self.treatments.get(&class)).copied();
        Decision {
            class,
            kind,
            treatments: treatments.unwrap_or([Treatment::Drop; Layer::ALL.len()]),
        }
    }
}

/// The strictest: everything is restricted and dropped.
impl Default for Policies {
    fn default() -> Self {
        Policies {
            classes: BTreeMap::new(),
            other_kinds: Class::Restricted,
            columns: BTreeMap::new(),
            extra_columns: BTreeMap::new(),
            minimum_confidence: 0.0,
            treatments: BTreeMap::new(),
            exceptions: BTreeMap::new(),
        }
    }
}
