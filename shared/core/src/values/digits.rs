//! Decimal digits in ASCII, eight at a time: a word has the first of eight bytes in its lowest one.

const HIGH: u64 = 0x8080_8080_8080_8080;
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// Added to a byte, sets its high bit unless the byte is a digit's value.
const ABOVE_NINE: u64 = 0x7676_7676_7676_7676;

/// The values of the last `count` digits of eight bytes (1 to 8), zeros before them.
#[inline]
pub fn last(bytes: [u8; 8], count: usize) -> u64 {
    let others = 64 - 8 * count;
    (u64::from_le_bytes(bytes) ^ ZEROS) >> others << others
}

/// The number of eight digits' values; `None` when one is not a digit's.
#[inline]
pub fn number(values: u64) -> Option<i64> {
    if (values | values.wrapping_add(ABOVE_NINE)) & HIGH != 0 {
        return None;
    }
    // Pairs, then fours, then all eight: each step joins neighbours.
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let outer = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let inner = (pairs >> 16 & PAIRS).wrapping_mul(1 + (10_000 << 32));
    Some((outer.wrapping_add(inner) >> 32) as i64)
}

/// The integer between two places: plain digits with an optional minus sign. Up to sixteen digits
/// are read eight at a time, together with what stands before them, which is then taken away.
#[inline(always)]
pub fn integer(bytes: &[u8], from: usize, to: usize) -> Option<i64> {
    let number = match to - from {
        1 => Some(i64::from(bytes[from] ^ b'0')).filter(|digit| *digit < 10),
        size @ 2..=8 => bytes[..to].last_chunk().and_then(|word| number(last(*word, size))),
        size @ 9..=16 => bytes[..to].last_chunk().and_then(|words| long(words, size)),
        _ => None,
    };
    match number {
        None => any_integer(bytes, from, to),
        number => number,
    }
}

/// The number of nine to sixteen digits.
#[inline]
fn long(bytes: &[u8; 16], size: usize) -> Option<i64> {
    let (high, low) = bytes.split_first_chunk::<8>()?;
    let high = number(last(*high, size - 8))?;
    Some(high * 100_000_000 + number(last(*low.first_chunk()?, 8))?)
}

#[cold]
fn any_integer(bytes: &[u8], from: usize, to: usize) -> Option<i64> {
    let field = &bytes[from..to];
    let unsigned = field.strip_prefix(b"-").unwrap_or(field);
    // The standard library takes a plus sign as well.
    if !unsigned.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The integer between two places, when the text is how that integer is always written: without
/// zeros before it.
#[inline]
pub fn canonical(bytes: &[u8], from: usize, to: usize) -> Option<i64> {
    match &bytes[from..to] {
        [b'0', _, ..] | [b'-', b'0', ..] => None,
        _ => integer(bytes, from, to),
    }
}

/// A layout of eight bytes: `0` stands for any digit, every other byte for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    form: u64,
    limits: u64,
}

impl Layout {
    pub const fn new(form: &[u8; 8]) -> Layout {
        let mut limits = [0x7F; 8];
        let mut at = 0;
        while at < 8 {
            if form[at] == b'0' {
                limits[at] = 0x76;
            }
            at += 1;
        }
        Layout { form: u64::from_le_bytes(*form), limits: u64::from_le_bytes(limits) }
    }

    /// The digits' values, zero elsewhere; a high bit is set in the second word when the bytes
    /// have another layout.
    #[inline]
    pub fn read(self, bytes: [u8; 8]) -> (u64, u64) {
        let values = u64::from_le_bytes(bytes) ^ self.form;
        (values, values | values.wrapping_add(self.limits))
    }
}

/// True when none of the words has a high bit that [`Layout::read`] sets.
#[inline]
pub fn fits(signs: u64) -> bool {
    signs & HIGH == 0
}

/// In each byte, the number of two digits: that of the byte and of the one behind it.
#[inline]
pub fn pairs(values: u64) -> u64 {
    values.wrapping_mul(10).wrapping_add(values >> 8)
}

/// One byte of a word.
#[inline]
pub fn byte(word: u64, at: u32) -> u8 {
    (word >> (8 * at)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_no_digit_is_found_in_every_place() {
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"12345678";
                bytes[place] = byte;
                let text = std::str::from_utf8(&bytes).ok();
                let expected = text.filter(|_| byte.is_ascii_digit()).and_then(|t| t.parse().ok());
                assert_eq!(number(last(bytes, 8)), expected, "{bytes:?}");
                let (_, signs) = Layout::new(b"00000000").read(bytes);
                assert_eq!(fits(signs), byte.is_ascii_digit(), "{bytes:?}");
                let mut form = *b"00000000";
                form[place] = b':';
                let (_, signs) = Layout::new(&form).read(bytes);
                assert_eq!(fits(signs), byte == b':', "{bytes:?}");
            }
        }
    }

    #[test]
    fn only_the_last_digits_count() {
        for count in 1..=8 {
            let expected = "87654321"[8 - count..].parse().ok();
            assert_eq!(number(last(*b"87654321", count)), expected);
            let mut bytes = *b"x-,\n a\xFF:";
            bytes[8 - count..].copy_from_slice(&b"87654321"[8 - count..]);
            assert_eq!(number(last(bytes, count)), expected);
        }
    }

    #[test]
    fn integers_have_one_spelling() {
        let integer = |text: &str| {
            // What stands before and behind a field is not part of it.
            let (before, behind) = (format!("1234567890123456,{text}"), format!("{text},99\n"));
            let found = integer(text.as_bytes(), 0, text.len());
            assert_eq!(integer(before.as_bytes(), 17, before.len()), found, "{text}");
            assert_eq!(integer(behind.as_bytes(), 0, text.len()), found, "{text}");
            found
        };
        for good in ["0", "-12", "007", "12345678", "123456789", "9999999999999999", "-1234567890"]
        {
            assert_eq!(integer(good), good.parse().ok(), "{good}");
        }
        assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
        for bad in [
            "",
            "-",
            "+1",
            "-+1",
            "--1",
            " 1",
            "1.0",
            "9223372036854775808",
            "1e3",
            "abc",
            "12:45",
            "1234567/9",
        ] {
            assert_eq!(integer(bad), None, "{bad}");
        }
        for text in ["0", "-1", "10", "9223372036854775807"] {
            assert_eq!(canonical(text.as_bytes(), 0, text.len()), text.parse().ok(), "{text}");
        }
        for text in ["00", "-0", "01", "-01", "+1", "9223372036854775808", ""] {
            assert_eq!(canonical(text.as_bytes(), 0, text.len()), None, "{text}");
        }
    }
}
