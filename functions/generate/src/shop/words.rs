//! The vocabulary of the shop: names, brands and suppliers from `fake`, drawn once per shop so
//! that a row only copies bytes.

use std::collections::HashSet;

use fake::Fake;
use fake::faker::company::raw::CompanyName;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::{DE_DE, Data, EN, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, TR_TR};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::text::slug;

const BRANDS: usize = 160;
const SUPPLIERS: usize = 120;
/// Names drawn per language; languages with fewer give what they have.
const NAMES: usize = 1200;

/// A part of a person's name.
#[derive(Debug)]
pub struct Name {
    pub text: String,
    /// The same for an e-mail address; empty when nothing of it can be spelled in ASCII.
    pub slug: String,
}

/// The names of one language.
#[derive(Debug)]
pub struct Names {
    pub first: Vec<Name>,
    pub last: Vec<Name>,
    pub family_name_first: bool,
}

/// Everything that is spelled rather than counted.
#[derive(Debug)]
pub struct Words {
    /// By [`Language`].
    names: Vec<Names>,
    pub brands: Vec<String>,
    pub suppliers: Vec<String>,
}

/// Which names the people of a country have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    German,
    French,
    Dutch,
    Italian,
    Portuguese,
    Japanese,
    Turkish,
}

impl Words {
    /// The vocabulary of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // In the order of `Language`.
        let names = vec![
            names(EN, &mut rng),
            names(DE_DE, &mut rng),
            names(FR_FR, &mut rng),
            names(NL_NL, &mut rng),
            names(IT_IT, &mut rng),
            names(PT_BR, &mut rng),
            Names { family_name_first: true, ..names(JA_JP, &mut rng) },
            names(TR_TR, &mut rng),
        ];
        let brands = distinct(BRANDS, || LastName(EN).fake_with_rng(&mut rng));
        let suppliers = suppliers(&mut rng);
        Words { names, brands, suppliers }
    }

    /// The names of a language.
    pub fn names(&self, language: Language) -> &Names {
        &self.names[language as usize]
    }
}

fn names<L: Data + Copy>(language: L, rng: &mut ChaCha8Rng) -> Names {
    Names {
        first: distinct(NAMES, || FirstName(language).fake_with_rng(rng))
            .into_iter()
            .map(name)
            .collect(),
        last: distinct(NAMES, || LastName(language).fake_with_rng(rng))
            .into_iter()
            .map(name)
            .collect(),
        family_name_first: false,
    }
}

fn name(text: String) -> Name {
    Name { slug: slug(&text), text }
}

/// Up to `wanted` different words in the order they were drawn.
fn distinct(wanted: usize, mut draw: impl FnMut() -> String) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut words = Vec::new();
    for _ in 0..2 * wanted {
        let word: String = draw();
        let word = word.trim();
        let clean = !word.is_empty() && !word.chars().any(char::is_control);
        if words.len() < wanted && clean && seen.insert(word.to_owned()) {
            words.push(word.to_owned());
        }
    }
    words
}

/// Company names; some with the commas and quotes that real supplier lists have.
fn suppliers(rng: &mut ChaCha8Rng) -> Vec<String> {
    let names = distinct(SUPPLIERS, || CompanyName(EN).fake_with_rng(rng));
    let decorate = |(index, name): (usize, String)| match (index % 8, name.rsplit_once(' ')) {
        (3, Some((start, suffix))) => format!("{start}, {suffix}"),
        (6, Some((start, suffix))) if index % 16 == 6 => format!("\"{start}\" {suffix}"),
        _ => name,
    };
    names.into_iter().enumerate().map(decorate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_words() {
        let (one, two, other) = (Words::new(1), Words::new(1), Words::new(2));
        assert_eq!(one.suppliers, two.suppliers);
        assert_ne!(one.suppliers, other.suppliers);
        assert_eq!(one.brands.len(), BRANDS);
        assert_eq!(one.suppliers.len(), SUPPLIERS);
    }

    #[test]
    fn every_language_has_names() {
        let words = Words::new(42);
        for names in &words.names {
            assert!(names.first.len() > 15, "{:?}", names.first);
            assert!(names.last.len() > 10, "{:?}", names.last);
        }
        assert!(words.names(Language::Japanese).family_name_first);
        let german = words.names(Language::German);
        assert!(german.last.iter().any(|name| !name.text.is_ascii()));
    }

    #[test]
    fn some_suppliers_need_quoting() {
        let words = Words::new(42);
        assert!(words.suppliers.iter().any(|name| name.contains(',')));
        assert!(words.suppliers.iter().any(|name| name.contains('"')));
    }
}
