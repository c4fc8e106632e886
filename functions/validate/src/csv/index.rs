//! Finds the bytes that give a CSV file its structure, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bit of every byte of `word` that equals `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * byte as u64);
    !(((difference & !HIGH) + !HIGH) | difference) & HIGH
}

/// Fills `marks` with the positions of commas, quotes and line feeds in `window`, in order.
/// True when every byte is ASCII.
pub(super) fn index(window: &[u8], marks: &mut Vec<u32>) -> bool {
    marks.clear();
    let mut all = 0u64;
    let (words, tail) = window.as_chunks::<8>();
    let mut base = 0u32;
    for bytes in words {
        let word = u64::from_le_bytes(*bytes);
        all |= word;
        let mut found = equal(word, b',') | equal(word, b'\n') | equal(word, b'"');
        while found != 0 {
            marks.push(base + found.trailing_zeros() / 8);
            found &= found - 1;
        }
        base += 8;
    }
    for (offset, &byte) in tail.iter().enumerate() {
        all |= u64::from(byte);
        if matches!(byte, b',' | b'\n' | b'"') {
            marks.push(base + offset as u32);
        }
    }
    all & HIGH == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_are_exactly_the_structural_bytes(
            bytes in prop::collection::vec(
                prop_oneof![
                    3 => prop::sample::select(&b",\n\"+-!#\x0B\x2D\xAC\x8A\xA2\0\x01"[..]),
                    1 => any::<u8>(),
                ],
                0..200,
            )
        ) {
            let mut marks = vec![9];
            let ascii = index(&bytes, &mut marks);
            let expected: Vec<u32> = (0..bytes.len())
                .filter(|&at| matches!(bytes[at], b',' | b'\n' | b'"'))
                .map(|at| at as u32)
                .collect();
            prop_assert_eq!(marks, expected);
            prop_assert_eq!(ascii, bytes.is_ascii());
        }
    }
}
