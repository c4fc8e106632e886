//! A number as people write it: digits in groups.

const MOST_DIGITS: usize = 20;
const MOST_GROUPS: usize = 8;

/// Digits, and how they were grouped.
pub(crate) struct Numeral {
    digits: [u8; MOST_DIGITS],
    length: usize,
    groups: [u8; MOST_GROUPS],
    group_count: usize,
    /// The separators seen between and around groups.
    pub(crate) spaces: bool,
    pub(crate) dashes: bool,
    pub(crate) dots: bool,
    pub(crate) slashes: bool,
    pub(crate) brackets: bool,
    pub(crate) plus: bool,
    /// True when an extension followed, as in `x12` or `ext. 12`.
    pub(crate) extension: bool,
}

impl Numeral {
    /// Reads `value`; nothing when it has anything but digits and separators.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let mut numeral = Numeral {
            digits: [0; MOST_DIGITS],
            length: 0,
            groups: [0; MOST_GROUPS],
            group_count: 0,
            spaces: false,
            dashes: false,
            dots: false,
            slashes: false,
            brackets: false,
            plus: false,
            extension: false,
        };
        let mut within = false;
        for (place, &byte) in value.iter().enumerate() {
            if byte.is_ascii_digit() {
                numeral.push(byte - b'0', within)?;
                within = true;
                continue;
            }
            within = false;
            match byte {
                b' ' => numeral.spaces = true,
                b'-' if place > 0 => numeral.dashes = true,
                b'.' if place > 0 => numeral.dots = true,
                b'/' if place > 0 => numeral.slashes = true,
                b'(' | b')' => numeral.brackets = true,
                b'+' if place == 0 => numeral.plus = true,
                b'x' | b'e' if numeral.length >= 7 => {
                    numeral.extension = is_extension(&value[place..]);
                    return numeral.extension.then_some(numeral);
                }
                _ => return None,
            }
        }
        value.last().is_some_and(u8::is_ascii_digit).then_some(numeral)
    }

    fn push(&mut self, digit: u8, within: bool) -> Option<()> {
        if !within {
            self.group_count += 1;
        }
        *self.groups.get_mut(self.group_count - 1)? += 1;
        *self.digits.get_mut(self.length)? = digit;
        self.length += 1;
        Some(())
    }

    /// The digits as numbers.
    pub(crate) fn digits(&self) -> &[u8] {
        &self.digits[..self.length]
    }

    /// Digits in each group.
    pub(crate) fn groups(&self) -> &[u8] {
        &self.groups[..self.group_count]
    }

    /// True when there are so many groups.
    pub(crate) fn group_count_is(&self, count: usize) -> bool {
        self.group_count == count
    }

    /// True for digits and nothing else.
    pub(crate) fn is_bare(&self) -> bool {
        self.group_count == 1 && !(self.plus || self.brackets || self.extension)
    }

    /// True when groups are parted by one kind of separator, a blank or a dash.
    pub(crate) fn is_plainly_grouped(&self) -> bool {
        !(self.plus || self.brackets || self.extension || self.dots || self.slashes)
            && self.spaces != self.dashes
    }
}

/// `x12`, `ext 12`, `ext. 12`: one to six digits.
fn is_extension(text: &[u8]) -> bool {
    let rest = match text {
        [b'e', b'x', b't', rest @ ..] => rest,
        [b'x', rest @ ..] => rest,
        _ => return false,
    };
    let start = rest.iter().position(u8::is_ascii_digit).unwrap_or(rest.len());
    let (filler, digits) = rest.split_at(start);
    filler.len() <= 2
        && filler.iter().all(|byte| matches!(byte, b'.' | b' '))
        && (1..=6).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
}
