//! Texts in which every part of a date has its greatest width, so that each stands at a fixed place.

use shopflow_core::values::digits::{self, Layout};

use crate::time::days_in;

/// The places of the parts of a format.
#[derive(Debug)]
pub(super) struct FixedLayout {
    /// Eight bytes from a place on; together they cover the fixed bytes.
    words: Vec<(usize, Layout)>,
    /// The number of fixed bytes.
    size: usize,
    /// What the two digits at a place are; a year is two of them.
    parts: Vec<(usize, Part)>,
    tail: Tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Century,
    YearOfCentury,
    Month,
    Day,
    Hour,
    /// Or second.
    Minute,
}

/// What follows the fixed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Nothing,
    /// One to six digits.
    Fraction,
    /// `Z`, or a sign, hours, a colon and minutes.
    Offset,
}

impl FixedLayout {
    /// The layout of a format, `None` when it has none: with parts of other widths, or twice, with digits or
    /// characters beyond ASCII beside the parts, or shorter than a word.
    pub fn new(format: &str) -> Option<FixedLayout> {
        let mut form = Vec::new();
        let mut parts = Vec::new();
        let mut tail = Tail::Nothing;
        let mut seen = Vec::new();
        let mut bytes = format.bytes();
        while let Some(byte) = bytes.next() {
            if tail != Tail::Nothing {
                return None;
            }
            if byte != b'%' {
                // Any space stands for one or more of any kind: here for one blank.
                let space = byte.is_ascii_whitespace() || byte == 0x0B;
                if space && form.last() == Some(&b' ') || byte.is_ascii_digit() || !byte.is_ascii()
                {
                    return None;
                }
                form.push(if space { b' ' } else { byte });
                continue;
            }
            let directive = bytes.next()?;
            if seen.contains(&directive) {
                return None;
            }
            seen.push(directive);
            let (kinds, at): (&[Part], usize) = match directive {
                b'Y' => (&[Part::Century, Part::YearOfCentury], form.len()),
                b'm' => (&[Part::Month], form.len()),
                b'd' => (&[Part::Day], form.len()),
                b'H' => (&[Part::Hour], form.len()),
                b'M' | b'S' => (&[Part::Minute], form.len()),
                b'f' => {
                    tail = Tail::Fraction;
                    continue;
                }
                b'z' => {
                    tail = Tail::Offset;
                    continue;
                }
                _ => return None,
            };
            parts.extend(kinds.iter().enumerate().map(|(pair, part)| (at + 2 * pair, *part)));
            form.extend(std::iter::repeat_n(b'0', 2 * kinds.len()));
        }
        let size = form.len();
        let last = size.checked_sub(8)?;
        let places = (0..last).step_by(8).chain([last]);
        let word = |at: usize| Some((at, Layout::new(form[at..].first_chunk()?)));
        let words = places.map(word).collect::<Option<_>>()?;
        Some(FixedLayout { words, size, parts, tail })
    }

    /// True when the text has this layout and is a date of the calendar.
    #[inline]
    pub fn accepts(&self, text: &[u8]) -> bool {
        let Some((fixed, rest)) = text.split_at_checked(self.size) else { return false };
        let mut signs = 0;
        for (at, layout) in &self.words {
            let Some(bytes) = fixed[*at..].first_chunk() else { return false };
            signs |= layout.read(*bytes).1;
        }
        digits::fits(signs) && self.is_date(fixed) && self.tail.accepts(rest)
    }

    /// True when the parts, which are digits, are a date.
    #[inline]
    fn is_date(&self, fixed: &[u8]) -> bool {
        let (mut century, mut of_century, mut month, mut day) = (19, 0, 1, 1);
        for (at, part) in &self.parts {
            let [tens, ones] = [fixed[*at], fixed[*at + 1]].map(|digit| digit & 0x0F);
            let number = tens * 10 + ones;
            match part {
                Part::Century => century = number,
                Part::YearOfCentury => of_century = number,
                Part::Month => month = number,
                Part::Day => day = number,
                Part::Hour if number > 23 => return false,
                Part::Minute if number > 59 => return false,
                Part::Hour | Part::Minute => {}
            }
        }
        let year = i32::from(century) * 100 + i32::from(of_century);
        let within = year > 0 && month > 0 && month < 13 && day > 0;
        within && (day < 29 || day <= days_in(year, month))
    }
}

impl Tail {
    #[inline]
    fn accepts(self, rest: &[u8]) -> bool {
        match (self, rest) {
            (Tail::Nothing, []) | (Tail::Offset, b"Z") => true,
            (Tail::Fraction, digits) => {
                (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
            }
            (Tail::Offset, [b'+' | b'-', h1, h2, b':', m1, m2]) => {
                let digits = [h1, h2, m1, m2].iter().all(|digit| digit.is_ascii_digit());
                digits && [*h1, *h2] < *b"24" && *m1 < b'6'
            }
            _ => false,
        }
    }
}
