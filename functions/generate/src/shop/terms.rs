//! The configured words of the shop, ready to be written, each as often as it is used.

use shopflow_core::vocabulary::{Vocabularies, Vocabulary};

use super::text::push_field;

/// How often a way to pay is used, of 64 sales: nearly half of them by credit card.
const PAYMENTS: [(&str, u64); 6] = [
    ("credit_card", 28),
    ("paypal", 14),
    ("debit_card", 11),
    ("apple_pay", 7),
    ("bank_transfer", 3),
    ("gift_card", 1),
];

/// How often a device is used, of 16 visits.
const DEVICES: [(&str, u64); 3] = [("mobile", 9), ("desktop", 5), ("tablet", 2)];

/// The weight of a value that the shop was not invented with.
const UNKNOWN_WEIGHT: u64 = 2;

/// Words by random bits.
#[derive(Debug)]
pub struct Terms {
    /// CSV fields by six random bits.
    pub payments: Vec<Vec<u8>>,
    /// Insides of JSON strings by four random bits.
    pub devices: Vec<Vec<u8>>,
}

impl Terms {
    /// The words of these sets.
    pub fn new(sets: &Vocabularies) -> Terms {
        let payments = slots(sets.of(Vocabulary::PaymentMethods).values(), &PAYMENTS, 64);
        let devices = slots(sets.of(Vocabulary::Devices).values(), &DEVICES, 16);
        Terms {
            payments: payments.into_iter().map(csv_field).collect(),
            devices: devices.into_iter().map(json_text).collect(),
        }
    }
}

/// A CSV field, quoted where need be.
pub fn csv_field(value: &str) -> Vec<u8> {
    let mut field = Vec::new();
    push_field(&mut field, value.as_bytes());
    field
}

/// The inside of a JSON string; a term has no control characters.
fn json_text(value: &str) -> Vec<u8> {
    value.replace('\\', "\\\\").replace('"', "\\\"").into_bytes()
}

/// `count` slots shared by the values according to their weights: known ones first, in the order
/// of their weights, then the others. Each has a slot if there are enough.
fn slots<'a>(values: &'a [String], weights: &[(&str, u64)], count: usize) -> Vec<&'a str> {
    let known = weights.iter().filter_map(|(name, weight)| {
        values.iter().find(|value| value == name).map(|value| (value.as_str(), *weight))
    });
    let others = values
        .iter()
        .filter(|value| !weights.iter().any(|(name, _)| value == name))
        .map(|value| (value.as_str(), UNKNOWN_WEIGHT));
    let mut shares: Vec<(&str, u64, u64)> =
        known.chain(others).take(count).map(|(value, weight)| (value, weight, 1)).collect();
    // One slot after the other to whom it makes the least difference: weights that add up to the
    // number of slots get exactly as many.
    for _ in shares.len()..count {
        let mut best: Option<usize> = None;
        for (at, (_, weight, taken)) in shares.iter().enumerate() {
            let is_better = best.is_none_or(|best| {
                let (_, other, others) = shares[best];
                weight * (others + 1) > other * (taken + 1)
            });
            if is_better {
                best = Some(at);
            }
        }
        if let Some(best) = best {
            shares[best].2 += 1;
        }
    }
    shares
        .into_iter()
        .flat_map(|(value, _, taken)| std::iter::repeat_n(value, taken as usize))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn the_built_in_words_are_used_as_often_as_ever() {
        let sets = Vocabularies::default();
        for (set, weights, count) in [
            (Vocabulary::PaymentMethods, &PAYMENTS[..], 64),
            (Vocabulary::Devices, &DEVICES[..], 16),
        ] {
            let expected: Vec<&str> = weights
                .iter()
                .flat_map(|(value, weight)| std::iter::repeat_n(*value, *weight as usize))
                .collect();
            assert_eq!(slots(sets.of(set).values(), weights, count), expected);
        }
    }

    #[test]
    fn every_configured_word_is_used_and_no_other() {
        let values = strings(&["cheque", "gift_card", "paypal"]);
        let slots = slots(&values, &PAYMENTS, 64);
        assert_eq!(slots.len(), 64);
        for value in &values {
            assert!(slots.contains(&value.as_str()), "{value}");
        }
        assert!(slots.iter().all(|slot| values.iter().any(|value| value == slot)));
        let count = |value| slots.iter().filter(|slot| **slot == value).count();
        assert!(count("paypal") > count("cheque") && count("cheque") >= count("gift_card"));
    }

    #[test]
    fn more_words_than_slots_are_no_reason_to_stop() {
        let values: Vec<String> = (0..40).map(|number| format!("device {number:02}")).collect();
        assert_eq!(slots(&values, &DEVICES, 16).len(), 16);
    }

    #[test]
    fn words_are_quoted_as_their_format_asks_for() {
        assert_eq!(csv_field("home, \"garden\""), b"\"home, \"\"garden\"\"\"");
        assert_eq!(json_text("a \"b\" \\"), b"a \\\"b\\\" \\\\");
    }
}
