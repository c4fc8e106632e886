//! Telephone numbers: E.164 with an assigned country code, and the ways people write national ones.

use crate::numeral::Numeral;
use crate::rule::{Matches, Rule};

pub(super) fn detect(number: &Numeral, matches: &mut Matches) {
    let digits = number.digits();
    if number.plus {
        matches.add_if(is_international(digits), Rule::PhoneInternational);
    } else if number.is_bare() {
        matches.add_if(is_bare_national(digits), Rule::PhoneDigits);
    } else if is_formatted(number) {
        matches.add(Rule::PhoneFormatted);
    } else {
        matches.add_if(is_grouped(number), Rule::PhoneGrouped);
    }
}

/// 8 to 15 digits after the `+`, the first of them a country code (ITU-T E.164).
fn is_international(digits: &[u8]) -> bool {
    match digits {
        [1, national @ ..] => is_north_american(national),
        _ => (8..=15).contains(&digits.len()) && has_country_code(digits),
    }
}

/// Assigned country codes of ITU-T E.164, by their first two or three digits.
fn has_country_code(digits: &[u8]) -> bool {
    matches!(
        digits,
        [7, ..]
            | [2, 0 | 7, ..]
            | [2, 1, 1..=3 | 6 | 8, ..]
            | [2, 2..=6, ..]
            | [2, 9, 0 | 1 | 7..=9, ..]
            | [3, 0..=4 | 6 | 9, ..]
            | [3, 5 | 7, ..]
            | [3, 8, 0..=3 | 5..=7 | 9, ..]
            | [4, 0 | 1 | 3..=9, ..]
            | [4, 2, 0 | 1 | 3, ..]
            | [5, 1..=8, ..]
            | [5, 0 | 9, ..]
            | [6, 0..=6, ..]
            | [6, 7, 0 | 2..=9, ..]
            | [6, 8, 0..=3 | 5..=9, ..]
            | [6, 9, 0..=2, ..]
            | [8, 1 | 2 | 4 | 6, ..]
            | [8, 0, 0 | 8, ..]
            | [8, 5, 0 | 2 | 3 | 5 | 6, ..]
            | [8, 7, 0 | 8, ..]
            | [8, 8, 0..=3 | 6 | 8, ..]
            | [9, 0..=5 | 8, ..]
            | [9, 6, 0..=8, ..]
            | [9, 7, 0..=7 | 9, ..]
            | [9, 9, 2..=6 | 8, ..]
    )
}

/// Ten digits; neither area nor exchange starts with 0 or 1 or is a service code like 911.
fn is_north_american(national: &[u8]) -> bool {
    match national {
        [2..=9, area @ .., exchange, _, _, _, _, _, _] if area.len() == 2 => {
            *area != [1, 1] && (2..=9).contains(exchange)
        }
        _ => false,
    }
}

fn is_bare_national(digits: &[u8]) -> bool {
    match digits {
        [0, 0, code @ ..] => (8..=15).contains(&code.len()) && has_country_code(code),
        [0, 1..=9, ..] => (9..=12).contains(&digits.len()),
        [1, national @ ..] if digits.len() == 11 => is_north_american(national),
        _ if digits.len() == 10 => is_north_american(digits),
        // Spain, Poland, Portugal and others have nine digits and no trunk zero.
        [5..=9, ..] => digits.len() == 9,
        _ => false,
    }
}

/// Brackets, a trunk zero, or the groups of North America: nobody else writes numbers like that.
fn is_formatted(number: &Numeral) -> bool {
    let digits = number.digits();
    let groups = number.groups();
    if number.brackets || number.extension {
        return (7..=13).contains(&digits.len());
    }
    match (groups, digits) {
        ([3, 3, 4], _) => is_north_american(digits) && !number.slashes,
        ([1, 3, 3, 4], [1, national @ ..]) => is_north_american(national),
        // The groups of a social security number and of a CPF; a lone 0 begins an ISBN.
        ([3, 2, 4] | [3, 3, 3, 2] | [1, ..], _) => false,
        (_, [0, 0, code @ ..]) => {
            (8..=15).contains(&code.len())
                && has_country_code(code)
                && groups.iter().all(|&group| group <= 6)
        }
        (_, [0, 1..=9, ..]) => {
            (9..=12).contains(&digits.len())
                && (2..=6).contains(&groups.len())
                && groups.iter().all(|&group| group >= 2)
        }
        _ => false,
    }
}

/// Groups of countries without a trunk zero: 612 34 56 78, 601 234 567, 98765 43210, 11 91234-5678.
fn is_grouped(number: &Numeral) -> bool {
    matches!(
        (number.groups(), number.digits()),
        ([3, 2, 2, 2] | [3, 3, 3], [5..=9, ..])
            | ([5, 5], [6..=9, ..])
            | ([2, 5, 4], [1..=9, 1..=9, 9, ..])
            | ([3, 4], [2..=9, ..])
    ) && !number.slashes
        && !number.dots
}
