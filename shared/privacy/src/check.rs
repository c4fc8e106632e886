//! Check digits. Digits are numbers from 0 to 9, not characters.

/// Luhn's check over all digits, the last one being the check digit (ISO/IEC 7812-1, annex B).
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| {
            let digit = u32::from(digit);
            match place % 2 {
                0 => digit,
                _ => digit * 2 / 10 + digit * 2 % 10,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// What a string of digits leaves when divided by 97 (ISO 7064 MOD 97-10).
pub(crate) fn modulo_97(digits: impl IntoIterator<Item = u8>) -> u32 {
    digits.into_iter().fold(0, |rest, digit| (rest * 10 + u32::from(digit)) % 97)
}

/// ISO 7064 MOD 11,10 over all digits, the last one being the check digit.
pub(crate) fn iso_7064_mod_11_10(digits: &[u8]) -> bool {
    let Some((&check, payload)) = digits.split_last() else { return false };
    let product = payload.iter().fold(10, |product, &digit| {
        let sum = (u32::from(digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(check)
}

/// Digits times weights, summed; the shorter side decides.
pub(crate) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(&digit, weight)| u32::from(digit) * weight).sum()
}

/// Verhoeff's check over all digits, the last one being the check digit: multiplication in the
/// dihedral group D5 after a permutation that depends on the place (Verhoeff 1969).
pub(crate) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTATION: [[u8; 10]; 8] = permutations();
    let product = digits.iter().rev().enumerate().fold(0, |product, (place, &digit)| {
        dihedral(product, PERMUTATION[place % 8][usize::from(digit)])
    });
    product == 0
}

/// Multiplication in D5: 0 to 4 are rotations, 5 to 9 are reflections.
const fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

const fn permutations() -> [[u8; 10]; 8] {
    const BASE: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut table = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 8];
    let mut power = 1;
    while power < 8 {
        let mut digit = 0;
        while digit < 10 {
            table[power][digit] = BASE[table[power - 1][digit] as usize];
            digit += 1;
        }
        power += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect()
    }

    #[test]
    fn published_examples_pass() {
        // ISO/IEC 7812-1; Verhoeff's 236 with check digit 3; ISO 7064 MOD 11,10 on 0794 is 5.
        assert!(luhn(&digits("4111 1111 1111 1111")));
        assert!(luhn(&digits("79927398713")));
        assert!(verhoeff(&digits("2363")));
        assert!(iso_7064_mod_11_10(&digits("07945")));
        assert_eq!(modulo_97(digits("3214282912345698765432161182")), 1);
    }

    #[test]
    fn one_changed_digit_is_always_noticed() {
        type Check = fn(&[u8]) -> bool;
        let checks: [(&str, Check); 3] =
            [("4111111111111111", luhn), ("2363", verhoeff), ("07945", iso_7064_mod_11_10)];
        for (valid, check) in checks {
            for place in 0..valid.len() {
                for other in 0..10 {
                    let mut changed = digits(valid);
                    let same = changed[place] == other;
                    changed[place] = other;
                    assert_eq!(check(&changed), same, "{valid} at {place} with {other}");
                }
            }
        }
    }

    #[test]
    fn verhoeff_notices_swapped_neighbours() {
        assert!(!verhoeff(&digits("3263")) && !verhoeff(&digits("2633")));
    }
}
