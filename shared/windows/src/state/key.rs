//! Keys of rows: two words each, with texts as numbers of the state they are in.

use std::cmp::Ordering;

use crate::click::Click;
use crate::definition::KeyColumn;
use crate::hash::{self, Map};

/// The values of a key. What is no column of the key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyValues<'a> {
    pub product_id: Option<u64>,
    pub event_type: Option<&'a str>,
    pub device: Option<&'a str>,
    pub country: Option<[u8; 2]>,
}

impl<'a> KeyValues<'a> {
    /// A key without a value.
    pub const NONE: KeyValues<'static> =
        KeyValues { product_id: None, event_type: None, device: None, country: None };

    /// The key of a click.
    #[inline]
    pub fn of(columns: &[KeyColumn], click: &'a Click<'_>) -> KeyValues<'a> {
        let mut values: KeyValues<'a> = KeyValues::NONE;
        for column in columns {
            match column {
                KeyColumn::ProductId => values.product_id = click.product_id,
                KeyColumn::EventType => values.event_type = Some(&click.event_type),
                KeyColumn::Device => values.device = Some(&click.device),
                KeyColumn::Country => values.country = Some(click.country),
            }
        }
        values
    }

    /// Decides which keys have rows: those with the smallest priorities.
    pub fn priority(&self) -> u64 {
        let mut priority = hash::number(self.product_id.unwrap_or(0));
        for text in [self.event_type, self.device] {
            priority = hash::append(priority, text.unwrap_or_default().as_bytes());
        }
        hash::append(priority, &self.country.unwrap_or_default())
    }

    /// The order of two keys: by the columns of the key, one after the other.
    pub fn compare(&self, columns: &[KeyColumn], other: &KeyValues<'_>) -> Ordering {
        let by = |column: &KeyColumn| match column {
            KeyColumn::ProductId => self.product_id.cmp(&other.product_id),
            KeyColumn::EventType => self.event_type.cmp(&other.event_type),
            KeyColumn::Device => self.device.cmp(&other.device),
            KeyColumn::Country => self.country.cmp(&other.country),
        };
        columns.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// A key within one state. A product is its number, which is over 0, or 0; event type and device are
/// 24 bits each, 0 for none; the country is its two letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Key {
    product: u64,
    rest: u64,
}

impl Key {
    fn new(product_id: Option<u64>, event_type: u32, device: u32, country: Option<[u8; 2]>) -> Key {
        let country = u16::from_be_bytes(country.unwrap_or_default());
        let rest = u64::from(event_type) << 40 | u64::from(device) << 16 | u64::from(country);
        Key { product: product_id.unwrap_or(0), rest }
    }

    /// The same key where texts have other codes: those of [`Terms::codes_of`].
    #[inline]
    pub fn with_codes(self, codes: &[u32]) -> Key {
        let code = |code: u64| codes.get(code as usize).map_or(0, |code| u64::from(*code));
        let (event_type, device) = (code(self.rest >> 40), code(self.rest >> 16 & 0xFF_FFFF));
        Key { product: self.product, rest: event_type << 40 | device << 16 | self.rest & 0xFFFF }
    }
}

/// The texts in the keys of a state. There are few, as a rule; there are never more than in twice
/// `max_keys` keys, far below 2^24.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// The text with code 1, with code 2, and so on.
    texts: Vec<Box<str>>,
    /// Codes of the texts behind the first few.
    codes: Map<Box<str>, u32>,
}

/// Texts that are compared one by one.
const FEW: usize = 8;

impl Terms {
    /// The key with these values; texts that are new get codes.
    #[inline]
    pub fn key(&mut self, values: KeyValues<'_>) -> Key {
        let event_type = values.event_type.map_or(0, |text| self.code(text));
        let device = values.device.map_or(0, |text| self.code(text));
        Key::new(values.product_id, event_type, device, values.country)
    }

    /// By the codes of others, the codes of the same texts here; texts that are new get codes.
    pub fn codes_of(&mut self, others: &Terms) -> Vec<u32> {
        std::iter::once(0).chain(others.texts.iter().map(|text| self.code(text))).collect()
    }

    /// The key with these values, if all texts have codes.
    pub fn find(&self, values: KeyValues<'_>) -> Option<Key> {
        let code = |text: Option<&str>| text.map_or(Some(0), |text| self.known(text));
        let (event_type, device) = (code(values.event_type)?, code(values.device)?);
        Some(Key::new(values.product_id, event_type, device, values.country))
    }

    /// The values of a key.
    #[inline]
    pub fn values(&self, key: Key) -> KeyValues<'_> {
        let country = (key.rest as u16).to_be_bytes();
        KeyValues {
            product_id: Some(key.product).filter(|product| *product > 0),
            event_type: self.text(key.rest >> 40),
            device: self.text(key.rest >> 16 & 0xFF_FFFF),
            country: Some(country).filter(|country| *country != [0; 2]),
        }
    }

    fn text(&self, code: u64) -> Option<&str> {
        let place = usize::try_from(code).ok()?.checked_sub(1)?;
        self.texts.get(place).map(|text| &**text)
    }

    #[inline]
    fn code(&mut self, text: &str) -> u32 {
        match self.known(text) {
            Some(code) => code,
            None => self.new_code(text),
        }
    }

    #[inline]
    fn known(&self, text: &str) -> Option<u32> {
        let few = &self.texts[..self.texts.len().min(FEW)];
        match few.iter().position(|known| **known == *text) {
            Some(place) => Some(place as u32 + 1),
            None if self.codes.is_empty() => None,
            None => self.codes.get(text).copied(),
        }
    }

    #[cold]
    fn new_code(&mut self, text: &str) -> u32 {
        self.texts.push(text.into());
        let code = self.texts.len() as u32;
        if self.texts.len() > FEW {
            self.codes.insert(text.into(), code);
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_has_the_values_it_was_made_of(
            all in prop::collection::vec(
                (
                    prop::option::of(1u64..=i64::MAX as u64),
                    prop::option::of("[a-z]{0,2}"),
                    prop::option::of("[a-z]{0,2}"),
                    prop::option::of([b'A'..=b'Z', b'A'..=b'Z']),
                ),
                0..60,
            ),
        ) {
            let mut terms = Terms::default();
            let values: Vec<KeyValues<'_>> = all
                .iter()
                .map(|(product_id, event_type, device, country)| KeyValues {
                    product_id: *product_id,
                    event_type: event_type.as_deref(),
                    device: device.as_deref(),
                    country: *country,
                })
                .collect();
            let keys: Vec<Key> = values.iter().map(|values| terms.key(*values)).collect();
            for (key, expected) in keys.iter().zip(&values) {
                prop_assert_eq!(&terms.values(*key), expected);
                prop_assert_eq!(terms.find(*expected), Some(*key));
            }
            prop_assert_eq!(terms.find(KeyValues { event_type: Some("new"), ..KeyValues::NONE }), None);
            let mut others = Terms::default();
            others.key(KeyValues { device: Some("b"), event_type: Some("new"), ..KeyValues::NONE });
            let codes = others.codes_of(&terms);
            for (key, expected) in keys.iter().zip(&values) {
                prop_assert_eq!(&others.values(key.with_codes(&codes)), expected);
            }
        }
    }
}
