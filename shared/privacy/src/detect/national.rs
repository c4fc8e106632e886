//! National identification numbers and their check digits.

use crate::check::{iso_7064_mod_11_10, verhoeff, weighted};
use crate::numeral::Numeral;
use crate::rule::{Matches, Rule};

/// Numbers of digits only.
pub(super) fn numeric(number: &Numeral, matches: &mut Matches) {
    let digits = number.digits();
    let bare = number.is_bare();
    let plain = number.is_plainly_grouped();
    match number.groups() {
        [9] if bare => {
            matches.add_if(is_ssn(digits), Rule::SsnDigits);
            matches.add_if(is_bsn(digits), Rule::BsnEleven);
        }
        [3, 2, 4] if plain => matches.add_if(is_ssn(digits), Rule::SsnFormatted),
        [4, 2, 3] if number.dots || plain => matches.add_if(is_bsn(digits), Rule::BsnEleven),
        [11] if bare => {
            matches.add_if(is_steuer_id(digits), Rule::SteuerIdCheck);
            matches.add_if(is_pesel(digits), Rule::PeselCheck);
            matches.add_if(is_cpf(digits), Rule::CpfCheck);
        }
        [2, 3, 3, 3] if plain => matches.add_if(is_steuer_id(digits), Rule::SteuerIdCheck),
        [3, 3, 3, 2] if number.dots && number.dashes => {
            matches.add_if(is_cpf(digits), Rule::CpfFormatted);
        }
        [12] if bare => matches.add_if(is_aadhaar(digits), Rule::AadhaarCheck),
        [4, 4, 4] if plain => matches.add_if(is_aadhaar(digits), Rule::AadhaarGrouped),
        [15] if bare => matches.add_if(is_nir(digits, 0), Rule::NirKey),
        [13, 2] | [1, 2, 2, 2, 3, 3, 2] if plain => matches.add_if(is_nir(digits, 0), Rule::NirKey),
        _ => {}
    }
}

/// Numbers with letters.
pub(super) fn mixed(value: &[u8], matches: &mut Matches) {
    let mut compact = [0; 16];
    let mut length = 0;
    for &byte in value {
        match byte {
            b' ' | b'-' => continue,
            _ if !byte.is_ascii_alphanumeric() || length == compact.len() => return,
            _ => {
                compact[length] = byte.to_ascii_uppercase();
                length += 1;
            }
        }
    }
    let spaced = length < value.len();
    let compact = &compact[..length];
    match length {
        9 => {
            matches.add_if(is_nino(compact), Rule::NinoPrefix);
            matches.add_if(is_nif(compact), Rule::NifLetter);
        }
        15 => matches.add_if(is_corsican_nir(compact), Rule::NirKey),
        16 if !spaced => matches.add_if(is_codice_fiscale(compact), Rule::CodiceFiscaleCheck),
        _ => {}
    }
}

/// Areas 000, 666 and from 900 are not issued, nor are group 00 and serial 0000; two numbers became
/// invalid by being printed in advertisements.
fn is_ssn(digits: &[u8]) -> bool {
    const PRINTED: [[u8; 9]; 2] = [[0, 7, 8, 0, 5, 1, 1, 2, 0], [2, 1, 9, 0, 9, 9, 9, 9, 9]];
    !matches!(digits, [0, 0, 0, ..] | [6, 6, 6, ..] | [9, ..])
        && digits[3..5] != [0, 0]
        && digits[5..] != [0, 0, 0, 0]
        && !PRINTED.iter().any(|printed| printed == digits)
}

/// The eleven test: weights 9 to 2, and -1 for the last digit.
fn is_bsn(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum % 11 == u32::from(digits[8])
}

/// Of the first ten digits one occurs twice or thrice and the others at most once; not from 0.
fn is_steuer_id(digits: &[u8]) -> bool {
    let mut counts = [0u8; 10];
    for &digit in &digits[..10] {
        counts[usize::from(digit)] += 1;
    }
    let repeated = counts.iter().filter(|&&count| count > 1).count();
    let most = counts.iter().copied().max().unwrap_or(0);
    digits[0] != 0 && repeated == 1 && most <= 3 && iso_7064_mod_11_10(digits)
}

/// Year, month with the century in its tens (1800 +80, 2000 +20, …), day, serial, check digit.
fn is_pesel(digits: &[u8]) -> bool {
    let pair = |place: usize| u32::from(digits[place]) * 10 + u32::from(digits[place + 1]);
    let year = match pair(2) / 20 {
        4 => 1800,
        century => 1900 + century * 100,
    } + pair(0);
    is_date(year, pair(2) % 20, pair(4))
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Two check digits modulo 11, a remainder under 2 counting as 0; not one digit eleven times.
fn is_cpf(digits: &[u8]) -> bool {
    let check = |length: usize| {
        let weights = &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2][10 - length..];
        match weighted(&digits[..length], weights) % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        }
    };
    digits[1..].iter().any(|digit| *digit != digits[0])
        && check(9) == u32::from(digits[9])
        && check(10) == u32::from(digits[10])
}

/// Does not begin with 0 or 1.
fn is_aadhaar(digits: &[u8]) -> bool {
    digits[0] >= 2 && verhoeff(digits)
}

/// Sex, year, month, department …: 13 digits and the key. `lowered` is taken off the 13 digits, as
/// the departments of Corsica ask for.
fn is_nir(digits: &[u8], lowered: u64) -> bool {
    let number = digits[..13].iter().fold(0, |number, &digit| number * 10 + u64::from(digit));
    let key = u64::from(digits[13]) * 10 + u64::from(digits[14]);
    let month = digits[3] * 10 + digits[4];
    matches!(digits[0], 1..=4 | 7 | 8)
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && number > lowered
        && key == 97 - (number - lowered) % 97
}

/// Departments 2A and 2B, counted as 20 less 1,000,000 or 2,000,000.
fn is_corsican_nir(value: &[u8]) -> bool {
    let lowered = match value[6] {
        b'A' => 1_000_000,
        b'B' => 2_000_000,
        _ => return false,
    };
    let mut digits = [0; 15];
    for (place, (digit, byte)) in digits.iter_mut().zip(value).enumerate() {
        match byte {
            b'0'..=b'9' => *digit = byte - b'0',
            _ if place == 6 => *digit = 0,
            _ => return false,
        }
    }
    digits[5] == 2 && is_nir(&digits, lowered)
}

/// Letters never used, and prefixes never allocated (HM Revenue & Customs manual NIM39110).
fn is_nino(value: &[u8]) -> bool {
    const NEVER: [&[u8]; 7] = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"];
    value[..2].iter().all(|byte| byte.is_ascii_uppercase() && !b"DFIQUV".contains(byte))
        && value[1] != b'O'
        && !NEVER.contains(&&value[..2])
        && value[2..8].iter().all(u8::is_ascii_digit)
        && matches!(value[8], b'A'..=b'D')
}

/// The letter of a DNI or NIE is the number modulo 23.
fn is_nif(value: &[u8]) -> bool {
    let first = match value[0] {
        digit @ b'0'..=b'9' => digit - b'0',
        letter @ b'X'..=b'Z' => letter - b'X',
        _ => return false,
    };
    if !value[1..8].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let rest = value[1..8].iter().map(|byte| byte - b'0');
    let number = rest.fold(u32::from(first), |number, digit| number * 10 + u32::from(digit));
    number > 0 && b"TRWAGMYFPDXBNJZSQVHLCKE"[number as usize % 23] == value[8]
}

/// Surname, name, birth date, place and check letter (decree of 23 December 1976); digits may be
/// replaced by letters where two people would share a code.
fn is_codice_fiscale(value: &[u8]) -> bool {
    const DIGIT_PLACES: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];
    /// What the characters 0–9 and A–Z count in odd places; both start with the same ten.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let mut plain = [0; 16];
    for (place, (&byte, digit)) in value.iter().zip(&mut plain).enumerate() {
        let expects_digit = DIGIT_PLACES.contains(&place);
        *digit = match byte {
            b'0'..=b'9' if expects_digit => u32::from(byte - b'0'),
            b'L'..=b'V' if expects_digit => match b"LMNPQRSTUV".iter().position(|&l| l == byte) {
                Some(digit) => digit as u32,
                None => return false,
            },
            b'A'..=b'Z' if !expects_digit => u32::from(byte - b'A'),
            _ => return false,
        };
    }
    let day = plain[9] * 10 + plain[10];
    let sum: u32 = value[..15]
        .iter()
        .enumerate()
        .map(|(place, &byte)| {
            let worth = u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' });
            // Places count from 1, so the first is odd.
            if place % 2 == 0 { ODD[worth as usize] } else { worth }
        })
        .sum();
    b"ABCDEHLMPRST".contains(&value[8]) && matches!(day, 1..=31 | 41..=71) && sum % 26 == plain[15]
}
