//! Sequence numbers of Kinesis: more digits than any number type here has.

use std::cmp::Ordering;
use std::fmt;

use shopflow_core::{Error, Result};

/// A sequence number. It is compared as a number and shown as it came.
#[derive(Debug, Clone)]
pub struct Sequence(String);

impl Sequence {
    /// Reads a sequence number.
    ///
    /// # Errors
    /// `InvalidInput` when it is anything but decimal digits.
    pub fn new(text: &str) -> Result<Sequence> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid("a sequence number is not made of digits"));
        }
        Ok(Sequence(text.to_owned()))
    }

    /// As it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn digits(&self) -> &str {
        self.0.trim_start_matches('0')
    }
}

impl Ord for Sequence {
    fn cmp(&self, other: &Sequence) -> Ordering {
        let (one, two) = (self.digits(), other.digits());
        one.len().cmp(&two.len()).then_with(|| one.cmp(two))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Sequence) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sequence {
    fn eq(&self, other: &Sequence) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sequence {}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sequence_numbers_are_compared_as_numbers(one: u128, two: u128, zeros in 0_usize..4) {
            let padded = format!("{}{one}", "0".repeat(zeros));
            let of = |text: &str| Sequence::new(text).unwrap();
            prop_assert_eq!(of(&padded).cmp(&of(&two.to_string())), one.cmp(&two));
        }
    }

    #[test]
    fn something_else_than_digits_is_no_sequence_number() {
        for text in ["", "-1", "4 9", "4e9", "LATEST"] {
            assert!(Sequence::new(text).is_err(), "{text}");
        }
    }
}
