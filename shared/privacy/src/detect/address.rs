//! Postal addresses: a house number beside a word for street, and postcodes that mix letters and
//! digits. Postcodes of digits only look like any other number.

use super::words;
use crate::rule::{Matches, Rule};
use crate::shape::Shape;

/// Letters and digits, at least three of the former.
pub(super) fn detect(value: &[u8], shape: Shape, matches: &mut Matches) {
    if shape.spaces() == 0 || value.len() > 200 {
        postcode(value, matches);
        return;
    }
    let is_separator = |byte: &u8| matches!(byte, b' ' | b',' | b';' | b'\n' | b'\r' | b'\t');
    let mut tokens = 0;
    let mut street = false;
    let mut number = false;
    for token in value.split(is_separator).filter(|token| !token.is_empty()) {
        tokens += 1;
        street |= words::is_street(token.strip_suffix(b".").unwrap_or(token));
        number |= is_house_number(token);
    }
    if street && number && tokens >= 2 {
        matches.add(Rule::AddressStreet);
        return;
    }
    postcode(value, matches);
    matches.add_if(matches.is_empty() && number && tokens >= 2, Rule::AddressText);
}

/// `12`, `12a`, `12-14`, `221B`, `#4`.
fn is_house_number(token: &[u8]) -> bool {
    let token = token.strip_prefix(b"#").unwrap_or(token);
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &token[digits..];
    (1..=5).contains(&digits)
        && match rest {
            [] => true,
            [letter] => letter.is_ascii_alphabetic(),
            [b'-' | b'/', more @ ..] => {
                more.len() <= 4 && more.iter().all(u8::is_ascii_alphanumeric)
            }
            _ => false,
        }
}

/// Postcodes of the United Kingdom (SW1A 1AA), the Netherlands (1234 AB) and Canada (K1A 0B1), with
/// the blank that people write.
pub(super) fn postcode(value: &[u8], matches: &mut Matches) {
    if !(6..=8).contains(&value.len()) {
        return;
    }
    let mut pattern = [0; 8];
    for (place, byte) in value.iter().enumerate() {
        pattern[place] = match byte {
            b'0'..=b'9' => b'9',
            b'A'..=b'Z' => b'A',
            b' ' => b' ',
            _ => return,
        };
    }
    let known: [&[u8]; 8] = [
        b"A9 9AA",
        b"A99 9AA",
        b"A9A 9AA",
        b"AA9 9AA",
        b"AA99 9AA",
        b"AA9A 9AA",
        b"9999 AA",
        b"A9A 9A9",
    ];
    matches.add_if(known.contains(&&pattern[..value.len()]), Rule::AddressPostcode);
}
