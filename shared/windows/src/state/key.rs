//! Keys of rows: two words each, with texts as numbers of the state they are in.

use std::cmp::Ordering;

use crate::click::Click;
use crate::definition::KeyColumn;
use crate::hash;
use crate::terms::Terms;

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

    /// The number of the product, 0 for none.
    pub fn product(self) -> u64 {
        self.product
    }

    /// The code of the event type, 0 for none.
    pub fn event_type(self) -> usize {
        (self.rest >> 40) as usize
    }

    /// The code of the device, 0 for none.
    pub fn device(self) -> usize {
        (self.rest >> 16 & 0xFF_FFFF) as usize
    }

    /// The letters of the country, zeros for none.
    pub fn country(self) -> u16 {
        self.rest as u16
    }

    /// The same key where texts have other codes: those of [`Terms::codes_of`].
    #[inline]
    pub fn with_codes(self, codes: &[u32]) -> Key {
        let code = |code: usize| codes.get(code).map_or(0, |code| u64::from(*code));
        let (event_type, device) = (code(self.event_type()), code(self.device()));
        Key { product: self.product, rest: event_type << 40 | device << 16 | self.rest & 0xFFFF }
    }
}

/// Texts of keys: there are never more than in twice `max_keys` keys, far below 2^24.
impl Terms {
    /// The key with these values; texts that are new get codes.
    #[inline]
    pub(super) fn key(&mut self, values: KeyValues<'_>) -> Key {
        let event_type = values.event_type.map_or(0, |text| self.code(text));
        let device = values.device.map_or(0, |text| self.code(text));
        Key::new(values.product_id, event_type, device, values.country)
    }

    /// The key with these values, if all texts have codes.
    pub(super) fn find(&self, values: KeyValues<'_>) -> Option<Key> {
        let code = |text: Option<&str>| text.map_or(Some(0), |text| self.known(text));
        let (event_type, device) = (code(values.event_type)?, code(values.device)?);
        Some(Key::new(values.product_id, event_type, device, values.country))
    }

    /// The values of a key.
    #[inline]
    pub(super) fn values(&self, key: Key) -> KeyValues<'_> {
        let country = key.country().to_be_bytes();
        KeyValues {
            product_id: Some(key.product()).filter(|product| *product > 0),
            event_type: self.text(key.event_type()),
            device: self.text(key.device()),
            country: Some(country).filter(|country| *country != [0; 2]),
        }
    }
}

/// The texts of a click as codes, which its batch has given them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coded {
    pub event_type: u32,
    pub device: u32,
}

/// What the codes of a batch are in one of its states, in which no key has been left out yet.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    event_types: Vec<u32>,
    devices: Vec<u32>,
}

impl Codes {
    /// The key of a click.
    #[inline]
    pub(super) fn key(
        &mut self,
        terms: &mut Terms,
        columns: &[KeyColumn],
        click: &Click<'_>,
        coded: Coded,
    ) -> Key {
        let (mut product_id, mut country) = (None, None);
        let (mut event_type, mut device) = (0, 0);
        for column in columns {
            match column {
                KeyColumn::ProductId => product_id = click.product_id,
                KeyColumn::EventType => {
                    let text = &click.event_type;
                    event_type = known(&mut self.event_types, coded.event_type, text, terms);
                }
                KeyColumn::Device => {
                    device = known(&mut self.devices, coded.device, &click.device, terms);
                }
                KeyColumn::Country => country = Some(click.country),
            }
        }
        Key::new(product_id, event_type, device, country)
    }
}

/// The code in a state of a text that has another one in its batch.
#[inline]
fn known(codes: &mut Vec<u32>, code: u32, text: &str, terms: &mut Terms) -> u32 {
    match codes.get(code as usize) {
        Some(known) if *known > 0 => *known,
        Some(_) | None => learn(codes, code, text, terms),
    }
}

#[cold]
fn learn(codes: &mut Vec<u32>, code: u32, text: &str, terms: &mut Terms) -> u32 {
    let place = code as usize;
    if codes.len() <= place {
        codes.resize(place + 1, 0);
    }
    codes[place] = terms.code(text);
    codes[place]
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
