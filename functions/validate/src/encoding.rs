//! Whether rows that are not UTF-8 are damaged, or the whole file is written in another encoding.

use crate::rejection::Rejection;
use crate::rules::Rule;

/// A file with fewer rows that are not UTF-8 is one with damaged rows.
const LEAST_ROWS: u64 = 2;
/// Of so many rows one must be no UTF-8 for the file to be refused as a whole.
const ONE_IN: u64 = 20;
/// What programs write for a character that they could not read.
const LOST: &[u8] = "\u{fffd}".as_bytes();
/// Bytes that Windows-1252 has no character for, and 0xFF, which is damage more often than a letter.
const UNUSED: [u8; 6] = [0x81, 0x8D, 0x8F, 0x90, 0x9D, 0xFF];

/// What the bytes beyond ASCII tell of the encoding of a file.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// A row has characters beyond ASCII and is UTF-8.
    has_valid: bool,
    /// Rows that are not UTF-8.
    invalid: u64,
    /// Rows with characters that were lost before the file came.
    lost: u64,
    /// All of those could be Windows-1252, which has Latin-1 in it.
    is_western: bool,
}

impl Default for Encoding {
    fn default() -> Self {
        Encoding { has_valid: false, invalid: 0, lost: 0, is_western: true }
    }
}

impl Encoding {
    /// Notes a row that is UTF-8.
    #[inline]
    pub fn meet_valid(&mut self, row: &[u8]) {
        if !row.is_ascii() {
            self.has_valid = true;
            let may_be_lost = memchr::memchr(LOST[0], row).is_some();
            self.lost += u64::from(may_be_lost && memchr::memmem::find(row, LOST).is_some());
        }
    }

    /// Notes a row that is not.
    #[cold]
    pub fn meet_invalid(&mut self, row: &[u8]) {
        self.invalid += 1;
        self.is_western &= !row.iter().any(|byte| UNUSED.contains(byte));
    }

    /// The rejection of a file that is wholly in another encoding: nothing beyond ASCII in it is
    /// UTF-8, and that concerns many of its rows.
    pub fn rejection(&self, rows: u64) -> Option<Rejection> {
        (self.is_another() && self.invalid.saturating_mul(ONE_IN) > rows).then(|| Rejection {
            rule: Rule::InvalidUtf8,
            column: None,
            text: format!(
                "the file is not UTF-8 but {}: none of its rows with other letters than ASCII can \
                 be read (rows: {} of {rows})",
                self.name(),
                self.invalid
            ),
            remedy: "save the file as UTF-8".to_owned(),
        })
    }

    /// What the report says of a file with few such rows, and of characters that are lost.
    pub fn warnings(&self, rows: u64) -> Vec<String> {
        // A few rows of no encoding in particular are damaged.
        let is_told = self.is_another() && self.is_western && self.rejection(rows).is_none();
        let another = is_told.then(|| {
            format!(
                "the file seems to be {} and not UTF-8: all {} rows with other letters than ASCII \
                 are quarantined",
                self.name(),
                self.invalid
            )
        });
        let lost = (self.lost > 0).then(|| {
            format!(
                "characters were lost before the file came: \u{fffd} stands for them in {} rows",
                self.lost
            )
        });
        another.into_iter().chain(lost).collect()
    }

    fn is_another(&self) -> bool {
        !self.has_valid && self.invalid >= LEAST_ROWS
    }

    fn name(&self) -> &'static str {
        match self.is_western {
            true => "Windows-1252 (or Latin-1)",
            false => "another encoding",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[u8]]) -> Encoding {
        let mut encoding = Encoding::default();
        for row in rows {
            match std::str::from_utf8(row) {
                Ok(_) => encoding.meet_valid(row),
                Err(_) => encoding.meet_invalid(row),
            }
        }
        encoding
    }

    #[test]
    fn a_file_without_a_letter_in_utf8_is_in_another_encoding() {
        let western = of(&[b"1,Ann", b"2,Zo\xEB", b"3,O\x92Neil"]);
        let text = western.rejection(30).unwrap().text;
        assert!(text.contains("Windows-1252") && text.contains("2 of 30"), "{text}");
        assert!(western.rejection(40).is_none());
        assert!(western.warnings(40)[0].contains("seems to be Windows-1252"));
        let other = of(&[b"1,\x81\xA0", b"2,\x8D\xF0"]);
        assert!(other.rejection(9).unwrap().text.contains("another encoding"));
        assert!(other.warnings(90).is_empty());
    }

    #[test]
    fn a_damaged_row_in_a_file_is_a_matter_of_its_own() {
        for rows in [&[&b"1,Ann"[..], b"2,P \x96 S"][..], &["1,Zoë".as_bytes(), b"2,\xEB", b"\xEB"]]
        {
            let encoding = of(rows);
            assert!(encoding.rejection(3).is_none() && encoding.warnings(3).is_empty(), "{rows:?}");
        }
    }

    #[test]
    fn characters_that_were_lost_before_are_counted() {
        let encoding = of(&["1,Zoë".as_bytes(), "2,Fran\u{fffd}ois".as_bytes()]);
        assert!(encoding.rejection(2).is_none());
        assert!(encoding.warnings(2)[0].ends_with("in 1 rows"), "{:?}", encoding.warnings(2));
    }
}
