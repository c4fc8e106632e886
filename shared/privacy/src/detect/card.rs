//! Payment card numbers: ISO/IEC 7812 with the prefixes and lengths of the issuers.

use crate::check::luhn;
use crate::numeral::Numeral;
use crate::rule::{Matches, Rule};

pub(super) fn detect(number: &Numeral, matches: &mut Matches) {
    let digits = number.digits();
    if !(13..=19).contains(&digits.len()) {
        return;
    }
    let written = match number.groups() {
        [_] => number.is_bare(),
        [4, 4, 4, 4 | 1] | [4, 4, 4, 4, 1..=3] | [4, 6, 4 | 5] => number.is_plainly_grouped(),
        _ => false,
    };
    if written && has_issuer(digits) && luhn(digits) {
        matches.add(if digits.len() == 13 { Rule::CardThirteen } else { Rule::CardLuhn });
    }
}

fn has_issuer(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(6).fold(0, |prefix, &digit| prefix * 10 + u32::from(digit));
    let length = digits.len();
    match prefix {
        // Visa
        400_000..=499_999 => matches!(length, 13 | 16 | 19),
        // Mastercard
        510_000..=559_999 | 222_100..=272_099 => length == 16,
        // American Express
        340_000..=349_999 | 370_000..=379_999 => length == 15,
        // Diners Club
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => {
            (14..=19).contains(&length)
        }
        // JCB
        352_800..=358_999 => (16..=19).contains(&length),
        // Discover, UnionPay
        601_100..=601_199 | 644_000..=659_999 | 620_000..=629_999 | 810_000..=817_199 => {
            (16..=19).contains(&length)
        }
        // Mir
        220_000..=220_499 => (16..=19).contains(&length),
        // Maestro
        501_800..=501_899
        | 502_000..=502_099
        | 503_800..=503_899
        | 589_300..=589_399
        | 630_400..=630_499
        | 675_900..=675_999
        | 676_100..=676_399 => (13..=19).contains(&length),
        _ => false,
    }
}
