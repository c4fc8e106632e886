//! Names of columns, to be found at once in the text of an event.

/// The name of a column as writers write it, with quotes and colon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// The first of 16 bytes are the lowest.
    bytes: u128,
    mask: u128,
    pub len: usize,
}

impl Mark {
    /// A long name has no mark, which is nowhere.
    pub fn of(name: &str) -> Mark {
        let written = format!("\"{name}\":");
        let mut bytes = [0; 16];
        match bytes.get_mut(..written.len()) {
            Some(first) => first.copy_from_slice(written.as_bytes()),
            None => return Mark { bytes: 1, mask: 0, len: 0 },
        }
        let mask = u128::MAX >> (128 - 8 * written.len());
        Mark { bytes: u128::from_le_bytes(bytes), mask, len: written.len() }
    }

    /// True where the text begins with it.
    #[inline]
    pub fn is_at(&self, text: &[u8]) -> bool {
        let first = text.first_chunk::<16>();
        first.is_some_and(|first| u128::from_le_bytes(*first) & self.mask == self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_name_with_its_quotes_and_colon() {
        let mark = Mark::of("url");
        assert!(mark.is_at(b"\"url\":\"https://a\"}") && mark.len == 6);
        for other in [&b"\"urls\":\"https://"[..], b"\"url\" :\"https://a", b"\"url\":"] {
            assert!(!mark.is_at(other));
        }
        assert!(Mark::of("thirteen_long").is_at(b"\"thirteen_long\":"));
        assert!(!Mark::of("fourteen_longs").is_at(b"\"fourteen_longs\":1}"));
    }
}
