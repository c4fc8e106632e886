//! Numbers and texts as they stand in an encoded state.

use shopflow_core::{Error, Result};

/// Bytes that are being read; they may be anything.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

/// What cannot be read.
pub(crate) fn broken(problem: &str) -> Error {
    Error::internal("the state of a slice cannot be read").with("problem", problem)
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next so many bytes.
    pub fn take(&mut self, bytes: usize) -> Result<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(bytes).ok_or_else(|| broken("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) =
            self.0.split_first_chunk::<N>().ok_or_else(|| broken("it is cut off"))?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A number as [`put_number`] writes it.
    pub fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(broken("a number is too large"))
    }

    /// A number that is at most `most`.
    pub fn number_to(&mut self, most: usize) -> Result<usize> {
        let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if number > most {
            Err(broken("there is more of something than may be"))
        } else {
            Ok(number)
        }
    }

    /// A number as [`put_signed`] writes it.
    pub fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A text as [`put_text`] writes it, of at most so many bytes.
    pub fn text(&mut self, most: usize) -> Result<&'a str> {
        let bytes = self.number_to(most)?;
        std::str::from_utf8(self.take(bytes)?).map_err(|_| broken("a text is not UTF-8"))
    }
}

/// Appends a number, seven bits a byte, the lowest first; the last byte is below 128.
pub(crate) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number of either sign: the sign in the lowest bit.
pub(crate) fn put_signed(number: i64, out: &mut Vec<u8>) {
    put_number((number << 1 ^ number >> 63) as u64, out);
}

/// Appends a text with its length.
pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    put_number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_beyond_64_bits_is_refused() {
        let mut largest = Vec::new();
        put_number(u64::MAX, &mut largest);
        assert_eq!(Input::new(&largest).number().unwrap(), u64::MAX);
        for bytes in [&[0xFF; 10][..], &[0x80; 11], &[0x80; 3], &[]] {
            assert!(Input::new(bytes).number().is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            number in any::<u64>(), signed in any::<i64>(), text in "\\PC{0,9}",
        ) {
            let mut out = Vec::new();
            put_number(number, &mut out);
            put_signed(signed, &mut out);
            put_text(&text, &mut out);
            let mut input = Input::new(&out);
            prop_assert_eq!(input.number().unwrap(), number);
            prop_assert_eq!(input.signed().unwrap(), signed);
            prop_assert_eq!(input.text(64).unwrap(), text);
            prop_assert!(input.is_empty());
        }
    }
}
