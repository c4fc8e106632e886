//! International bank account numbers: ISO 13616, with the lengths of the SWIFT registry.

use crate::check::modulo_97;
use crate::rule::{Matches, Rule};

const SHORTEST: usize = 15;
const LONGEST: usize = 33;

/// Countries of the registry and the length of their numbers.
#[rustfmt::skip]
const LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22),
    (b"BH", 22), (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24),
    (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20), (b"EG", 29), (b"ES", 24), (b"FI", 18),
    (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27),
    (b"GT", 28), (b"HN", 28), (b"HR", 21), (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26),
    (b"IT", 27), (b"JO", 30), (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20),
    (b"LU", 20), (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MN", 20),
    (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15), (b"OM", 23), (b"PK", 24),
    (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"RU", 33), (b"SA", 24),
    (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27), (b"SO", 23), (b"ST", 25),
    (b"SV", 28), (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20),
    (b"YE", 30),
];

pub(super) fn detect(value: &[u8], matches: &mut Matches) {
    if value.len() < SHORTEST || !value[..2].iter().all(u8::is_ascii_alphabetic) {
        return;
    }
    let mut compact = [0; LONGEST];
    let mut length = 0;
    for (place, &byte) in value.iter().enumerate() {
        match byte {
            b' ' | b'-' if place > 3 => continue,
            _ if !byte.is_ascii_alphanumeric() || length == LONGEST => return,
            _ => {
                compact[length] = byte.to_ascii_uppercase();
                length += 1;
            }
        }
    }
    matches.add_if(is_iban(&compact[..length]), Rule::IbanCheck);
}

fn is_iban(iban: &[u8]) -> bool {
    let [a, b, first, second, ..] = *iban else { return false };
    let known = LENGTHS.binary_search_by(|(country, _)| (*country).cmp(&[a, b]));
    let long_enough = known.is_ok_and(|place| LENGTHS[place].1 == iban.len());
    long_enough
        && first.is_ascii_digit()
        && second.is_ascii_digit()
        && modulo_97(iban[4..].iter().chain(&iban[..4]).flat_map(|&byte| digits_of(byte))) == 1
}

/// A digit as itself, a letter as 10 to 35.
fn digits_of(byte: u8) -> impl Iterator<Item = u8> {
    let (tens, ones) = match byte {
        b'0'..=b'9' => (None, byte - b'0'),
        _ => (Some((byte - b'A' + 10) / 10), (byte - b'A') % 10),
    };
    tens.into_iter().chain([ones])
}
