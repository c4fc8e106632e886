//! Keys of rows: two words each, with texts as numbers of the state they are in.

use crate::counted::Counted;
use crate::definition::KeyColumn;
use crate::fact::Fact;
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

    /// Decides which keys have rows: those with the smallest priorities.
    pub fn priority(&self) -> u64 {
        let mut priority = hash::number(self.product_id.unwrap_or(0));
        for text in [self.event_type, self.device] {
            priority = hash::append(priority, text.unwrap_or_default().as_bytes());
        }
        hash::append(priority, &self.country.unwrap_or_default())
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

/// The keys of clicks of one event type in a state, in which no key has been left out yet.
pub(super) struct Keys<'a> {
    columns: &'a [KeyColumn],
    counted: &'a Counted<'a>,
    has_product: bool,
    has_country: bool,
    /// The code in the state; 0 when it is no column.
    event_type: u32,
    /// By the codes that clicks have; none when it is no column.
    devices: Vec<u32>,
}

impl<'a> Keys<'a> {
    pub fn of(columns: &'a [KeyColumn], counted: &'a Counted<'a>, terms: &mut Terms) -> Keys<'a> {
        let has = |column: KeyColumn| columns.contains(&column);
        let event_type = has(KeyColumn::EventType).then(|| terms.code(counted.event_type));
        let devices = has(KeyColumn::Device).then(|| terms.codes_of(counted.devices));
        Keys {
            columns,
            counted,
            has_product: has(KeyColumn::ProductId),
            has_country: has(KeyColumn::Country),
            event_type: event_type.unwrap_or_default(),
            devices: devices.unwrap_or_default(),
        }
    }

    /// The key of a click.
    #[inline]
    pub fn key(&self, fact: &Fact) -> Key {
        let product_id = fact.product_id.filter(|_| self.has_product);
        let device = self.devices.get(fact.device as usize).copied().unwrap_or(0);
        let country = self.has_country.then_some(fact.country);
        Key::new(product_id, self.event_type, device, country)
    }

    /// The values of a click's key.
    pub fn values(&self, fact: &Fact) -> KeyValues<'a> {
        let mut values: KeyValues<'a> = KeyValues::NONE;
        for column in self.columns {
            match column {
                KeyColumn::ProductId => values.product_id = fact.product_id,
                KeyColumn::EventType => values.event_type = Some(self.counted.event_type),
                KeyColumn::Device => {
                    values.device = self.counted.devices.text(fact.device as usize);
                }
                KeyColumn::Country => values.country = Some(fact.country),
            }
        }
        values
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
