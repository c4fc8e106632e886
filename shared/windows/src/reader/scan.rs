//! The short way to read an event: one pass over its bytes, which borrows all texts.
//!
//! Nothing is refused here: whatever is not as usual is left to the long way.

use std::borrow::Cow;

use shopflow_core::dataset::Kind;
use shopflow_core::values;

use super::kept::{Kept, blank, keep};
use super::{Known, Reader};
use crate::click::Click;

/// Digits of a number that always fit into 63 bits, and below the keys that are made of texts.
const MOST_DIGITS: usize = 18;
/// Digits of a decimal that a float keeps, so that it means here what it means to a reader of floats.
const EXACT_DIGITS: usize = 15;

impl Reader {
    /// The click, if the event is a usual one.
    #[inline]
    pub(super) fn scan<'a>(&self, object: &'a [u8]) -> Option<Click<'a>> {
        let mut cursor = Cursor { text: std::str::from_utf8(object).ok()?, at: 0 };
        let passes_over_unknown = self.passes_over_unknown();
        let mut click = blank();
        // A bit for each column that is there, and for each that has a value.
        let (mut seen, mut given) = (0u64, 0u64);
        let mut next = 0;
        cursor.skip(b'{')?;
        loop {
            cursor.pass_blanks();
            let place = match self.expected(&mut cursor, next) {
                Some(place) => Some(place),
                None => self.place(cursor.name()?),
            };
            cursor.pass_blanks();
            match place {
                Some(place) => {
                    let bit = 1u64 << place;
                    if seen & bit != 0 {
                        return None;
                    }
                    seen |= bit;
                    let is_given =
                        self.scan_value(&self.columns[place], &mut cursor, &mut click)?;
                    given |= if is_given { bit } else { 0 };
                    next = place + 1;
                }
                None if passes_over_unknown => cursor.pass_over()?,
                None => return None,
            }
            cursor.pass_blanks();
            match cursor.byte()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        cursor.pass_blanks();
        let is_whole = cursor.at == object.len() && given & self.required == self.required;
        is_whole.then_some(click)
    }

    /// Goes behind the name of the next column, or of the one behind it. Writers keep their order, so
    /// it is mostly one of them; `None` when it is not.
    #[inline]
    fn expected(&self, cursor: &mut Cursor<'_>, next: usize) -> Option<usize> {
        let known = self.columns.iter().enumerate().skip(next).take(2);
        for (place, known) in known {
            if known.mark.is_at(cursor.rest()) {
                cursor.at += known.mark.len;
                return Some(place);
            }
        }
        None
    }

    /// The place of a column.
    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.column.name == name)
    }

    /// Reads a value of a column; whether there is one.
    #[inline]
    fn scan_value<'a>(
        &self,
        known: &Known,
        cursor: &mut Cursor<'a>,
        click: &mut Click<'a>,
    ) -> Option<bool> {
        let (kept, text) = match cursor.peek()? {
            b'"' => {
                cursor.at += 1;
                let text = cursor.text()?;
                (self.scanned_text(known, text)?, text.value)
            }
            b'0'..=b'9' => (self.scanned_number(known, cursor)?, ""),
            b'n' => {
                cursor.word("null")?;
                (Kept::Nothing, "")
            }
            _ => return None,
        };
        keep(click, known.role, kept, Cow::Borrowed(text));
        Some(kept != Kept::Nothing)
    }

    #[inline]
    fn scanned_text(&self, known: &Known, text: Text<'_>) -> Option<Kept> {
        let value = text.value.as_bytes();
        if let Kind::Text(limit) = known.column.kind
            && text.is_plain
            && value.len() <= limit
            && value.first().is_some_and(|first| *first != b' ')
        {
            let is_nothing = !known.column.required && values::nothing(value).is_some();
            return Some(if is_nothing { Kept::Nothing } else { Kept::Text });
        }
        self.checks.text(known.column, text.value).ok()
    }

    #[inline]
    fn scanned_number(&self, known: &Known, cursor: &mut Cursor<'_>) -> Option<Kept> {
        let start = cursor.at;
        let mut number = 0u64;
        while let Some(digit @ b'0'..=b'9') = cursor.peek() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            cursor.at += 1;
        }
        let digits = cursor.at - start;
        // JSON has no zeros before a number.
        if digits > 1 && cursor.text.as_bytes()[start] == b'0' {
            return None;
        }
        if known.is_reference() {
            let is_usual = (1..=MOST_DIGITS).contains(&digits) && number > 0 && cursor.is_at_end();
            return is_usual.then_some(Kept::Number(number));
        }
        self.scanned_decimal(known, cursor, start)
    }

    /// Reads what follows the digits of a number that began at `start`.
    #[inline(never)]
    fn scanned_decimal(
        &self,
        known: &Known,
        cursor: &mut Cursor<'_>,
        start: usize,
    ) -> Option<Kept> {
        if !known.column.kind.is_decimal() {
            return None;
        }
        if cursor.peek() == Some(b'.') {
            cursor.at += 1;
            let from = cursor.at;
            while let Some(b'0'..=b'9') = cursor.peek() {
                cursor.at += 1;
            }
            if cursor.at == from {
                return None;
            }
        }
        if cursor.at - start > EXACT_DIGITS || !cursor.is_at_end() {
            return None;
        }
        let written = &cursor.text[start..cursor.at];
        // A float has no zeros behind its last decimal.
        let shortest = match written.contains('.') {
            true => written.trim_end_matches('0').trim_end_matches('.'),
            false => written,
        };
        self.checks.text(known.column, shortest).ok()
    }
}

/// A place in the text of an event.
#[derive(Debug)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// A text between quotes, without escapes.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    value: &'a str,
    /// All of it is ASCII, and no control character.
    is_plain: bool,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn pass_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes behind a sign, and the blanks before it.
    #[inline]
    fn skip(&mut self, sign: u8) -> Option<()> {
        self.pass_blanks();
        (self.byte()? == sign).then_some(())
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Goes behind a name and its colon.
    fn name(&mut self) -> Option<&'a str> {
        self.skip(b'"')?;
        let name = self.text()?.value;
        self.skip(b':')?;
        Some(name)
    }

    /// Goes behind a word.
    #[inline]
    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.rest();
        self.at += word.len();
        rest.starts_with(word.as_bytes()).then_some(())
    }

    /// True where a value may end.
    #[inline]
    fn is_at_end(&self) -> bool {
        matches!(self.peek(), Some(b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))
    }

    /// The text that begins here, behind its quote; `None` when it has escapes or does not end.
    #[inline]
    fn text(&mut self) -> Option<Text<'a>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start;
        while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let found = unusual(u64::from_le_bytes(*word));
            if found != 0 {
                at += (found.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        let mut is_plain = true;
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' | 0..0x20 => return None,
                0x20..=0x7E => {}
                0x7F.. => is_plain = false,
            }
            at += 1;
        }
        self.at = at + 1;
        Some(Text { value: &self.text[start..at], is_plain })
    }

    /// Goes behind a value that nobody keeps.
    fn pass_over(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.text().map(|_| ())
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'1'..=b'9' => {
                let start = self.at;
                while let Some(b'0'..=b'9') = self.peek() {
                    self.at += 1;
                }
                (self.at - start <= MOST_DIGITS && self.is_at_end()).then_some(())
            }
            _ => None,
        }
    }
}

/// A high bit is set in the first byte of a word, the lowest, that is a quote, a backslash or no
/// printable ASCII character. Bytes behind it may be marked without being one.
#[inline]
fn unusual(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    let is_beyond = word | word.wrapping_add(ONES);
    (is_quote | is_backslash | is_control | is_beyond) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unusual_byte_is_found_in_every_place() {
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                for behind in [b'a', b'"', 0x1F, 0x20, 0x21, 0x7F, 0xFF] {
                    let mut word = [b'a'; 8];
                    word[place] = byte;
                    word[place + 1..].fill(behind);
                    let is_usual =
                        |byte: &u8| matches!(byte, 0x20..=0x7E if !b"\"\\".contains(byte));
                    let expected = word.iter().position(|byte| !is_usual(byte));
                    let found = unusual(u64::from_le_bytes(word));
                    let found = (found != 0).then(|| found.trailing_zeros() as usize / 8);
                    assert_eq!(found, expected, "{word:?}");
                }
            }
        }
    }

    #[test]
    fn texts_end_at_their_quote_however_long_they_are() {
        for length in 0..40 {
            for tail in ["", ",\"b\":1}", "é"] {
                let written = format!("{}\"{tail}", "a".repeat(length));
                let mut cursor = Cursor { text: &written, at: 0 };
                let text = cursor.text().unwrap();
                assert_eq!((text.value.len(), text.is_plain), (length, true));
                assert_eq!(cursor.at, length + 1);
            }
        }
        for (written, is_plain) in [("aé\"", false), ("a\u{7f}\"", false), ("aaaaaaaaé\"", false)]
        {
            let text = Cursor { text: written, at: 0 }.text().unwrap();
            assert_eq!(text.is_plain, is_plain);
        }
        for written in ["", "a", "a\\n\"", "a\n\"", "aaaaaaaaaaa\\\"", "aaaaaaa\u{1}\""] {
            assert!(Cursor { text: written, at: 0 }.text().is_none(), "{written:?}");
        }
    }
}
