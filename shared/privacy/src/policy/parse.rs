//! Reading policies: every problem is found before any is reported.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::{Class, Declared, Layer, PerLayer, Policies};
use crate::kind::Kind;
use crate::names::{self, Unknown};
use crate::treatment::Treatment;

/// Everything that is wrong with the policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblems(Vec<String>);

impl PolicyProblems {
    /// One line per problem: where, what, and what to do.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for PolicyProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "privacy policies are wrong: {}", self.0.join("; "))
    }
}

impl std::error::Error for PolicyProblems {}

type Names = BTreeMap<String, String>;

/// Policies as written, before names are looked up: `Policies::try_from` checks them.
#[derive(Debug, Default, Deserialize)]
pub struct RawPolicies {
    #[serde(default)]
    kinds: Names,
    other_kinds: Option<String>,
    #[serde(default)]
    columns: Names,
    #[serde(default)]
    extra_columns: Names,
    minimum_confidence: Option<f64>,
    #[serde(default)]
    treatments: BTreeMap<String, Names>,
    #[serde(default)]
    exceptions: BTreeMap<String, Names>,
    /// Anything else is a mistake, and reported with the others.
    #[serde(flatten)]
    unknown: BTreeMap<String, serde::de::IgnoredAny>,
}

const SECTIONS: [&str; 7] = [
    "kinds",
    "other_kinds",
    "columns",
    "extra_columns",
    "minimum_confidence",
    "treatments",
    "exceptions",
];

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, place: impl fmt::Display, problem: impl fmt::Display) {
        self.0.push(format!("{place}: {problem}"));
    }

    fn parse<T: FromStr<Err: fmt::Display>>(
        &mut self,
        place: impl fmt::Display,
        name: &str,
    ) -> Option<T> {
        name.parse().map_err(|problem| self.add(place, problem)).ok()
    }

    fn layers(&mut self, place: &str, names: &Names) -> BTreeMap<Layer, Treatment> {
        let mut treatments = BTreeMap::new();
        for (layer, treatment) in names {
            let known = self.parse::<Layer>(place, layer);
            let treatment = self.parse::<Treatment>(format!("{place}.{layer}"), treatment);
            if let (Some(layer), Some(treatment)) = (known, treatment) {
                treatments.insert(layer, treatment);
            }
        }
        treatments
    }
}

impl TryFrom<RawPolicies> for Policies {
    type Error = PolicyProblems;

    fn try_from(raw: RawPolicies) -> Result<Self, PolicyProblems> {
        let mut problems = Problems::default();
        for section in raw.unknown.keys() {
            let known = names::parse("section", &SECTIONS, |section| section, section);
            if let Err(unknown) = known {
                problems.add("policies", unknown);
            }
        }
        let classes = classes(&raw.kinds, &mut problems);
        let other_kinds = match &raw.other_kinds {
            Some(class) => problems.parse("other_kinds", class),
            None => Some(Class::Confidential),
        };
        let extra_columns = columns("extra_columns", &raw.extra_columns, &mut problems);
        let columns = columns("columns", &raw.columns, &mut problems);
        let minimum_confidence = raw.minimum_confidence.unwrap_or(0.5);
        if !(0.0..=1.0).contains(&minimum_confidence) {
            let problem = format!("{minimum_confidence} is not between 0 and 1");
            problems.add("minimum_confidence", problem);
        }
        let treatments = treatments(&raw.treatments, &mut problems);
        let class_of = |kind| classes.get(&kind).copied().or(other_kinds);
        let exceptions = exceptions(&raw.exceptions, class_of, &treatments, &mut problems);
        match other_kinds {
            Some(other_kinds) if problems.0.is_empty() => Ok(Policies {
                classes,
                other_kinds,
                columns,
                extra_columns,
                minimum_confidence,
                treatments,
                exceptions,
            }),
            _ => Err(PolicyProblems(problems.0)),
        }
    }
}

fn classes(written: &Names, problems: &mut Problems) -> BTreeMap<Kind, Class> {
    let mut classes = BTreeMap::new();
    for (kind, class) in written {
        let known = problems.parse::<Kind>("kinds", kind);
        let class = problems.parse::<Class>(format!("kinds.{kind}"), class);
        if let (Some(kind), Some(class)) = (known, class) {
            classes.insert(kind, class);
        }
    }
    classes
}

impl FromStr for Declared {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        let all: Vec<Declared> = (Class::ALL.into_iter().map(Declared::Class))
            .chain(Kind::ALL.into_iter().map(Declared::Kind))
            .collect();
        let name_of = |named| match named {
            Declared::Class(class) => Class::name(class),
            Declared::Kind(kind) => Kind::name(kind),
        };
        names::parse("class or kind of personal data", &all, name_of, name)
    }
}

fn columns(section: &str, written: &Names, problems: &mut Problems) -> BTreeMap<String, Declared> {
    let mut columns = BTreeMap::new();
    for (column, name) in written {
        let place = format!("{section}.{column}");
        let parts: Vec<&str> = column.split('.').collect();
        if parts.len() != 2 || parts.iter().any(|part| part.is_empty()) || column == "*.*" {
            problems.add(&place, "write it as dataset.column, one of which may be *");
        }
        if let Some(named) = problems.parse(place, name) {
            columns.insert(column.clone(), named);
        }
    }
    columns
}

fn treatments(
    written: &BTreeMap<String, Names>,
    problems: &mut Problems,
) -> BTreeMap<Class, PerLayer> {
    let mut treatments = BTreeMap::new();
    for name in written.keys() {
        problems.parse::<Class>("treatments", name);
    }
    for class in Class::ALL {
        let place = format!("treatments.{class}");
        let Some(names) = written.get(class.name()) else {
            problems.add(place, "missing; every class needs its treatments");
            continue;
        };
        let found = problems.layers(&place, names);
        let layers = Layer::ALL.iter().map(|layer| layer.name());
        let missing: Vec<&str> = layers.filter(|layer| !names.contains_key(*layer)).collect();
        if !missing.is_empty() {
            problems.add(&place, format!("no treatment for {}", missing.join(", ")));
        }
        if found.len() == Layer::ALL.len() {
            let per_layer = Layer::ALL.map(|layer| found[&layer]);
            check(&place, class, per_layer, problems);
            check_logs(&place, class, per_layer, problems);
            treatments.insert(class, per_layer);
        }
    }
    treatments
}

/// An exception names some layers; the others are treated as the class of the kind says.
fn exceptions(
    written: &BTreeMap<String, Names>,
    class_of: impl Fn(Kind) -> Option<Class>,
    treatments: &BTreeMap<Class, PerLayer>,
    problems: &mut Problems,
) -> BTreeMap<Kind, PerLayer> {
    let mut exceptions = BTreeMap::new();
    for (name, names) in written {
        let place = format!("exceptions.{name}");
        let kind = problems.parse::<Kind>("exceptions", name);
        let found = problems.layers(&place, names);
        let Some(kind) = kind else { continue };
        let Some(class) = class_of(kind) else { continue };
        let Some(usual) = treatments.get(&class) else { continue };
        let per_layer =
            Layer::ALL.map(|layer| found.get(&layer).copied().unwrap_or(usual[layer as usize]));
        check(&place, class, per_layer, problems);
        if !kind.is_pseudonym() {
            check_logs(&place, class, per_layer, problems);
        }
        exceptions.insert(kind, per_layer);
    }
    exceptions
}

/// What must hold of any treatments.
fn check(place: &str, class: Class, per_layer: PerLayer, problems: &mut Problems) {
    let of = |layer: Layer| per_layer[layer as usize];
    for (from, to) in [(Layer::Bronze, Layer::Silver), (Layer::Silver, Layer::Gold)] {
        let (before, after) = (of(from), of(to));
        if before.then(after).is_none() {
            let problem =
                format!("{to} cannot be {after}, as {from} is {before} and {to} is made from it");
            problems.add(place, problem);
        }
    }
    for layer in [Layer::Silver, Layer::Gold] {
        if class == Class::Restricted && of(layer) == Treatment::Keep {
            problems.add(place, format!("{layer} cannot be keep for restricted data"));
        }
    }
}

/// Reports are read by more people than rows are. The numbers that stand for persons are excepted:
/// they say which row to look at, and nothing else.
fn check_logs(place: &str, class: Class, per_layer: PerLayer, problems: &mut Problems) {
    let kept = per_layer[Layer::Logs as usize] == Treatment::Keep;
    if class >= Class::Confidential && kept {
        problems.add(place, format!("logs cannot be keep for {class} data; use redact or drop"));
    }
}
