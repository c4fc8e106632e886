//! Words that programs write where there is no value.

use super::blank::trimmed;

/// The words, as they are usually written: of databases, spreadsheets, data frames and logs. A
/// hyphen is one too.
const WORDS: [&str; 14] = [
    "NULL", "\\N", "N/A", "#N/A", "NA", "n.a.", "NaN", "NaT", "None", "nil", "<NA>", "(null)", "-",
    "--",
];
/// Bytes of the longest word.
const LONGEST: usize = 6;

/// The word for no value that a text is, in upper or lower case and perhaps with blanks around it.
/// Whether it is meant as one depends on the column: `NA` is a country, and there are people called
/// `None`.
#[inline]
pub fn nothing(value: &[u8]) -> Option<&'static str> {
    match value.first()? {
        b'n' | b'N' | b'\\' | b'#' | b'<' | b'(' | b'-' | b' ' | b'\t' => word(value),
        _ => None,
    }
}

#[inline(never)]
fn word(value: &[u8]) -> Option<&'static str> {
    let value = trimmed(value);
    if value.len() > LONGEST {
        return None;
    }
    WORDS.iter().find(|word| value.eq_ignore_ascii_case(word.as_bytes())).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_known_in_any_case() {
        for (text, word) in [
            ("NULL", "NULL"),
            ("null", "NULL"),
            (" Null\t", "NULL"),
            ("\\N", "\\N"),
            ("#n/a", "#N/A"),
            ("nan", "NaN"),
            ("none", "None"),
            ("-", "-"),
            ("<na>", "<NA>"),
            ("(null)", "(null)"),
        ] {
            assert_eq!(nothing(text.as_bytes()), Some(word), "{text}");
        }
        for other in ["", " ", "0", "Nullarbor", "Nan Lee", "none of them", "---", "-1", "x", "Ñ"]
        {
            assert_eq!(nothing(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn every_word_is_found_by_its_first_letter() {
        for word in WORDS {
            assert!(word.len() <= LONGEST);
            assert_eq!(nothing(word.as_bytes()), Some(word));
        }
    }
}
