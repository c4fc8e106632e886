//! Truth values.

/// Words for true and for false, in lower case.
const WORDS: [(&[u8], bool); 10] = [
    (b"true", true),
    (b"false", false),
    (b"t", true),
    (b"f", false),
    (b"yes", true),
    (b"no", false),
    (b"y", true),
    (b"n", false),
    (b"1", true),
    (b"0", false),
];

/// A truth value, in upper or lower case; `None` for anything else.
pub fn boolean(value: &[u8]) -> Option<bool> {
    let value = super::blank::trimmed(value);
    WORDS.iter().find(|(word, _)| value.eq_ignore_ascii_case(word)).map(|(_, truth)| *truth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_has_the_words_of_common_exports() {
        for good in ["true", "True", "TRUE", "t", "T", "yes", "y", "1", " true "] {
            assert_eq!(boolean(good.as_bytes()), Some(true), "{good}");
        }
        for good in ["false", "False", "FALSE", "f", "no", "N", "0"] {
            assert_eq!(boolean(good.as_bytes()), Some(false), "{good}");
        }
        for bad in ["", "2", "10", "tru", "on", "ja", "null"] {
            assert_eq!(boolean(bad.as_bytes()), None, "{bad}");
        }
    }
}
