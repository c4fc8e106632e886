//! The shop's own words: which categories, payment methods, event types and devices there are.
//!
//! The sets are configuration (`vocabulary` in `config/base.yaml`); the definition of a column only
//! names the set its values come from. Each set has a contract for values that are not in it, in
//! the terms of [`schema_contract`](crate::schema_contract).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::built_in;
use crate::mode::Mode;

/// Longest value in bytes.
pub const LONGEST_TERM: usize = 64;

/// The event types that sessions and the funnel are counted from (`sql/gold/fact_sessions.sql`).
/// A shop can add others; without these, gold would count nothing.
pub const COUNTED_EVENT_TYPES: [&str; 6] =
    ["add_to_cart", "checkout", "page_view", "product_view", "purchase", "search"];

/// One of the sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vocabulary {
    Categories,
    PaymentMethods,
    EventTypes,
    Devices,
}

impl Vocabulary {
    /// Every set.
    pub const ALL: [Vocabulary; 4] = [
        Vocabulary::Categories,
        Vocabulary::PaymentMethods,
        Vocabulary::EventTypes,
        Vocabulary::Devices,
    ];

    /// The name in the configuration, and of the parameter in suites.
    pub fn name(self) -> &'static str {
        match self {
            Vocabulary::Categories => "categories",
            Vocabulary::PaymentMethods => "payment_methods",
            Vocabulary::EventTypes => "event_types",
            Vocabulary::Devices => "devices",
        }
    }

    fn named(name: &str) -> Option<Vocabulary> {
        Vocabulary::ALL.into_iter().find(|set| set.name() == name)
    }
}

impl fmt::Display for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the values of a column come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSet {
    /// They are part of the column's definition.
    Fixed(&'static [&'static str]),
    /// The shop configures them.
    Configured(Vocabulary),
}

/// The values of one set, and what others meet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Sorted.
    values: Vec<String>,
    contract: String,
}

impl Terms {
    /// The values, sorted.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// What happens to a value that is not in the set; `discard_row` unless configured.
    pub fn contract(&self) -> Mode {
        Mode::parse(&self.contract).unwrap_or(Mode::DiscardRow)
    }

    /// True for a value of the set.
    #[inline]
    pub fn contains(&self, value: &[u8]) -> bool {
        // Members differ in length more often than not, so the length decides most comparisons.
        self.values.iter().any(|member| member.len() == value.len() && member.as_bytes() == value)
    }
}

/// All sets as they are configured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, Configured>")]
pub struct Vocabularies {
    sets: [Terms; 4],
    /// Names in the configuration that are no sets.
    unknown: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    values: Listed,
    #[serde(default = "discard_row")]
    contract: String,
}

fn discard_row() -> String {
    Mode::DiscardRow.name().to_owned()
}

/// A list, or, from an environment variable, a text with commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    List(Vec<String>),
    Text(String),
}

impl From<BTreeMap<String, Configured>> for Vocabularies {
    fn from(configured: BTreeMap<String, Configured>) -> Self {
        let mut all = Vocabularies { sets: Default::default(), unknown: Vec::new() };
        for (name, Configured { values, contract }) in configured {
            let Some(set) = Vocabulary::named(&name) else {
                all.unknown.push(name);
                continue;
            };
            let mut values = match values {
                Listed::List(values) => values,
                Listed::Text(text) => {
                    text.split(',').map(|value| value.trim().to_owned()).collect()
                }
            };
            values.sort();
            all.sets[set as usize] = Terms { values, contract };
        }
        all
    }
}

/// The sets that are compiled in: those of `config/base.yaml`.
impl Default for Vocabularies {
    fn default() -> Self {
        static BUILT_IN: LazyLock<Vocabularies> = LazyLock::new(|| {
            // A test holds that the file is there and well-formed.
            built_in::section("vocabulary").unwrap_or_else(|_| BTreeMap::new().into())
        });
        BUILT_IN.clone()
    }
}

impl Vocabularies {
    /// The values of a set.
    #[inline]
    pub fn of(&self, set: Vocabulary) -> &Terms {
        &self.sets[set as usize]
    }

    /// True for a value of the set.
    #[inline]
    pub fn contains(&self, set: ValueSet, value: &[u8]) -> bool {
        match set {
            ValueSet::Configured(set) => self.of(set).contains(value),
            ValueSet::Fixed(values) => values.iter().any(|member| member.as_bytes() == value),
        }
    }

    /// The values of a set.
    pub fn values(&self, set: ValueSet) -> Vec<&str> {
        match set {
            ValueSet::Configured(set) => self.of(set).values.iter().map(String::as_str).collect(),
            ValueSet::Fixed(values) => values.to_vec(),
        }
    }

    /// What happens to a value that is not in the set.
    pub fn contract(&self, set: ValueSet) -> Mode {
        match set {
            ValueSet::Configured(set) => self.of(set).contract(),
            ValueSet::Fixed(_) => Mode::DiscardRow,
        }
    }

    /// The sets by name, as parameters of expectation suites.
    pub fn parameters(&self) -> Map<String, Value> {
        Vocabulary::ALL
            .into_iter()
            .map(|set| (set.name().to_owned(), Value::from(self.of(set).values().to_vec())))
            .collect()
    }

    /// A number that tells sets and contracts apart.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Sha256::new();
        for Terms { values, contract } in &self.sets {
            for text in values.iter().chain([contract]) {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
            hash.update((values.len() as u64).to_be_bytes());
        }
        hash.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Everything that is wrong with the configuration.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self
            .unknown
            .iter()
            .map(|name| {
                let known = Vocabulary::ALL.map(Vocabulary::name).join(", ");
                format!("vocabulary.{name} is not a set; the sets are {known}")
            })
            .collect();
        for set in Vocabulary::ALL {
            let place = format!("vocabulary.{set}");
            let Terms { values, contract } = self.of(set);
            if values.is_empty() {
                problems.push(format!("{place}.values is empty"));
                continue;
            }
            for value in values.iter().filter(|value| !is_term(value.as_bytes())) {
                problems.push(format!(
                    "{place}.values has '{}', which is not a text of 1 to {LONGEST_TERM} bytes \
                     without control characters and without blanks around it",
                    value.escape_debug()
                ));
            }
            for pair in values.windows(2).filter(|pair| pair[0] == pair[1]) {
                problems.push(format!("{place}.values has '{}' twice", pair[0]));
            }
            match Mode::parse(contract) {
                Some(Mode::Evolve | Mode::Freeze | Mode::DiscardRow) => {}
                Some(Mode::DiscardValue) => problems.push(format!(
                    "{place}.contract cannot be discard_value, since its columns are required; use \
                     evolve, freeze or discard_row"
                )),
                None => problems.push(format!(
                    "{place}.contract is '{contract}' and not evolve, freeze or discard_row"
                )),
            }
        }
        let event_types = self.of(Vocabulary::EventTypes);
        let lacking: Vec<&str> = COUNTED_EVENT_TYPES
            .into_iter()
            .filter(|counted| !event_types.contains(counted.as_bytes()))
            .collect();
        if !lacking.is_empty() && !event_types.values.is_empty() {
            problems.push(format!(
                "vocabulary.event_types.values lacks {}, which sessions are counted from",
                lacking.join(", ")
            ));
        }
        problems
    }
}

/// True for a text that can be a value of a set: short, without control characters and without
/// blanks around it.
pub fn is_term(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    (1..=LONGEST_TERM).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn settings(pairs: &[(&str, &str)]) -> crate::Result<Settings> {
        let variables = pairs
            .iter()
            .map(|(name, value)| (format!("SHOPFLOW__VOCABULARY__{name}"), (*value).to_owned()));
        Settings::from_sources("prod", variables.collect(), &[])
    }

    #[test]
    fn the_built_in_sets_are_those_of_the_configuration_without_problems() {
        let built_in = Vocabularies::default();
        assert_eq!(built_in.problems(), Vec::<String>::new());
        assert_eq!(settings(&[]).unwrap().vocabulary, built_in);
        for set in Vocabulary::ALL {
            assert!(built_in.of(set).values().len() > 1, "{set}");
            assert_eq!(built_in.of(set).contract(), Mode::DiscardRow, "{set}");
        }
        assert_eq!(built_in.of(Vocabulary::EventTypes).values(), COUNTED_EVENT_TYPES);
    }

    #[test]
    fn one_line_adds_a_category_and_one_a_contract() {
        let vocabulary = settings(&[
            ("CATEGORIES__VALUES", "toys, garden"),
            ("PAYMENT_METHODS__CONTRACT", "evolve"),
        ])
        .unwrap()
        .vocabulary;
        assert_eq!(vocabulary.of(Vocabulary::Categories).values(), ["garden", "toys"]);
        assert_eq!(vocabulary.of(Vocabulary::Categories).contract(), Mode::DiscardRow);
        assert_eq!(vocabulary.of(Vocabulary::PaymentMethods).contract(), Mode::Evolve);
        assert_ne!(vocabulary.fingerprint(), Vocabularies::default().fingerprint());
        assert!(vocabulary.of(Vocabulary::PaymentMethods).contains(b"paypal"));
        assert!(!vocabulary.of(Vocabulary::PaymentMethods).contains(b"Paypal"));
    }

    #[test]
    fn every_problem_is_named() {
        let error = settings(&[
            ("COLOURS__VALUES", "red"),
            ("CATEGORIES__VALUES", "toys,,toys"),
            ("CATEGORIES__CONTRACT", "drop"),
            ("DEVICES__CONTRACT", "discard_value"),
            ("EVENT_TYPES__VALUES", "page_view,wish"),
        ])
        .unwrap_err()
        .to_string();
        for part in [
            "vocabulary.colours is not a set",
            "vocabulary.categories.values has ''",
            "vocabulary.categories.values has 'toys' twice",
            "vocabulary.categories.contract is 'drop'",
            "vocabulary.devices.contract cannot be discard_value",
            "vocabulary.event_types.values lacks add_to_cart, checkout, product_view, purchase, search",
        ] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }

    #[test]
    fn a_term_is_a_short_text_without_blanks_around_it() {
        for good in ["garden", "home & garden", "Möbel"] {
            assert!(is_term(good.as_bytes()), "{good}");
        }
        let long = "x".repeat(LONGEST_TERM + 1);
        for bad in ["", " garden", "garden ", "a\tb", "a\nb", long.as_str()] {
            assert!(!is_term(bad.as_bytes()), "{bad}");
        }
        assert!(!is_term(b"caf\xE9"));
    }
}
