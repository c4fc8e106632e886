//! Which rules a single value meets: scanners over bytes, chosen by the shape of the value.

mod address;
mod card;
mod email;
mod iban;
mod national;
mod network;
mod person;
mod phone;
mod words;

use crate::numeral::Numeral;
use crate::rule::{Matches, Rule};
use crate::shape::{LONGEST, Shape};

/// Rules that so many other values meet at most tell that a single value is what they speak for.
const CHANCE: f64 = 0.03;

/// The rules that `value` meets. The value is UTF-8 or at least ASCII where it matters; blanks
/// around it are ignored.
///
/// ```
/// use shopflow_privacy::{Rule, detect};
///
/// assert!(detect(b"4111 1111 1111 1111").contains(Rule::CardLuhn));
/// assert!(detect(b"4111 1111 1111 1112").is_empty());
/// ```
pub fn detect(value: &[u8]) -> Matches {
    let value = value.trim_ascii();
    let mut matches = Matches::NONE;
    if value.len() > LONGEST {
        matches.add_if(email::is_in_text(value), Rule::EmailInText);
        return matches;
    }
    let shape = Shape::of(value);
    if shape.ats() > 0 {
        match email::is_address(value) {
            true => matches.add(Rule::EmailSyntax),
            false => matches.add_if(email::is_in_text(value), Rule::EmailInText),
        }
        return matches;
    }
    if shape.digits() == 0 {
        if shape.letters() > 1 && shape.colons() == 0 && shape.grouping() <= 2 {
            person::detect(value, &mut matches);
        }
        // Hexadecimal without decimal digits is rare, but it is not a name either.
        if shape.colons() >= 2 || shape.grouping() == 5 {
            network::hexadecimal(value, &mut matches);
        }
        return matches;
    }
    if shape.letters() == 0 {
        if shape.colons() >= 2 {
            network::hexadecimal(value, &mut matches);
        } else if shape.others() == 0 && shape.digits() >= 4 {
            numeric(value, shape, &mut matches);
        }
        return matches;
    }
    mixed(value, shape, &mut matches);
    matches
}

/// True when a single value of any column is hardly anything else than personal data.
///
/// ```
/// use shopflow_privacy::is_clearly_personal;
///
/// assert!(is_clearly_personal(b"ada@example.com"));
/// assert!(!is_clearly_personal(b"Emma Smith"));
/// ```
pub fn is_clearly_personal(value: &[u8]) -> bool {
    let tells = |rule: Rule| rule.kind().is_certain() && rule.chance() < CHANCE;
    detect(value).iter().any(tells)
}

/// Digits and separators.
fn numeric(value: &[u8], shape: Shape, matches: &mut Matches) {
    let compact = shape.spaces() + shape.grouping() + shape.colons() == 0;
    if shape.dots() == 3 && compact && shape.digits() <= 12 {
        network::ipv4(value, matches);
        return;
    }
    if !(7..=20).contains(&shape.digits()) || shape.colons() > 0 {
        return;
    }
    let Some(numeral) = Numeral::parse(value) else {
        if shape.grouping() == 5 {
            network::hexadecimal(value, matches);
        }
        return;
    };
    phone::detect(&numeral, matches);
    card::detect(&numeral, matches);
    national::numeric(&numeral, matches);
    if numeral.group_count_is(6) && shape.grouping() == 5 {
        network::hexadecimal(value, matches);
    }
}

/// Letters and digits.
fn mixed(value: &[u8], shape: Shape, matches: &mut Matches) {
    if shape.colons() >= 2 || shape.grouping() == 5 || shape.dots() == 2 {
        network::hexadecimal(value, matches);
        if !matches.is_empty() {
            return;
        }
    }
    if shape.others() == 0 && shape.colons() == 0 {
        iban::detect(value, matches);
        national::mixed(value, matches);
        // The letters of an extension: 202-555-0123 ext. 45.
        let possible = (7..=20).contains(&shape.digits()) && shape.letters() <= 3;
        if let Some(numeral) = possible.then(|| Numeral::parse(value)).flatten() {
            phone::detect(&numeral, matches);
        }
    }
    if matches.is_empty() && shape.letters() >= 3 {
        address::detect(value, shape, matches);
    } else if matches.is_empty() {
        address::postcode(value, matches);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of random digits, `#` in `form`.
    fn random_numbers(form: &str) -> impl Iterator<Item = String> {
        let mut state: u64 = 20_260_115;
        std::iter::repeat_with(move || {
            let digit = |letter| match letter {
                '#' => {
                    // Knuth's constants for a linear congruential generator modulo 2^64.
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    char::from(b'0' + (state >> 33) as u8 % 10)
                }
                other => other,
            };
            form.chars().map(digit).collect::<String>()
        })
        .take(20_000)
    }

    #[test]
    fn as_many_random_numbers_meet_a_rule_as_its_chance_says() {
        for (form, rule) in [
            ("#########", Rule::SsnDigits),
            ("#########", Rule::BsnEleven),
            ("###########", Rule::SteuerIdCheck),
            ("###########", Rule::PeselCheck),
            ("###########", Rule::CpfCheck),
            ("############", Rule::AadhaarCheck),
            ("###############", Rule::NirKey),
            ("################", Rule::CardLuhn),
            ("4############", Rule::CardThirteen),
        ] {
            let met = random_numbers(form).filter(|n| detect(n.as_bytes()).contains(rule)).count();
            let (share, stated) = (met as f64 / 20_000.0, rule.chance());
            let within = stated * 0.6 <= share && share <= stated * 1.25 + 0.001;
            assert!(within, "{rule} is met by {share} of {form}, not by {stated}");
        }
    }
}
