//! Countries, currencies and UUIDs.

use super::blank::trimmed;
use crate::dataset::{COUNTRIES, CURRENCIES};
use crate::rules::Rule;

/// Place in [`COUNTRIES`], counted from 1, by first and second letter; 0 where there is no code.
const PLACES: [[u8; 26]; 26] = {
    let mut places = [[0; 26]; 26];
    let mut index = 0;
    while index < COUNTRIES.len() {
        let code = COUNTRIES[index].as_bytes();
        places[(code[0] - b'A') as usize][(code[1] - b'A') as usize] = index as u8 + 1;
        index += 1;
    }
    places
};

/// An ISO 3166-1 alpha-2 code, in capitals.
///
/// # Errors
/// `null_value`, `invalid_country`.
#[inline]
pub fn country(value: &[u8]) -> Result<&'static str, Rule> {
    if let [first, second] = value
        && let Some(code) = known(*first, *second)
    {
        return Ok(code);
    }
    any_country(value)
}

#[inline]
fn known(first: u8, second: u8) -> Option<&'static str> {
    let row = PLACES.get(usize::from(first.wrapping_sub(b'A')))?;
    let place = row.get(usize::from(second.wrapping_sub(b'A')))?;
    COUNTRIES.get(usize::from(place.wrapping_sub(1))).copied()
}

#[cold]
fn any_country(value: &[u8]) -> Result<&'static str, Rule> {
    match trimmed(value) {
        [] => Err(Rule::NullValue),
        [first, second] => known(first.to_ascii_uppercase(), second.to_ascii_uppercase())
            .ok_or(Rule::InvalidCountry),
        _ => Err(Rule::InvalidCountry),
    }
}

/// An ISO 4217 code, in capitals.
///
/// # Errors
/// `null_value`, `invalid_currency`.
pub fn currency(value: &[u8]) -> Result<&'static str, Rule> {
    match trimmed(value) {
        [] => Err(Rule::NullValue),
        &[first, second, third] => {
            let code = [first, second, third].map(|letter| letter.to_ascii_uppercase());
            let place = CURRENCIES.binary_search_by(|known| known.as_bytes().cmp(&code));
            place.map_err(|_| Rule::InvalidCurrency).map(|place| CURRENCIES[place])
        }
        _ => Err(Rule::InvalidCurrency),
    }
}

/// The 128 bits of a UUID, with or without its hyphens.
///
/// # Errors
/// `null_value`, `invalid_uuid`.
#[inline]
pub fn uuid(value: &[u8]) -> Result<u128, Rule> {
    // The length tells the two forms from others that the parser knows.
    if value.len() == 36
        && let Ok(id) = uuid::Uuid::try_parse_ascii(value)
    {
        return Ok(id.as_u128());
    }
    any_uuid(value)
}

#[cold]
fn any_uuid(value: &[u8]) -> Result<u128, Rule> {
    let value = trimmed(value);
    match value.len() {
        0 => Err(Rule::NullValue),
        32 | 36 => {
            uuid::Uuid::try_parse_ascii(value).map(|id| id.as_u128()).map_err(|_| Rule::InvalidUuid)
        }
        _ => Err(Rule::InvalidUuid),
    }
}

/// How a UUID is stored: in lower case, with hyphens.
pub(super) fn hyphenated(id: u128) -> String {
    uuid::Uuid::from_u128(id).hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_iso_codes_in_upper_or_lower_case() {
        for code in COUNTRIES {
            assert_eq!(country(code.as_bytes()), Ok(*code));
            assert_eq!(country(code.to_ascii_lowercase().as_bytes()), Ok(*code));
        }
        assert_eq!(country(b" De "), Ok("DE"));
        for bad in ["XX", "UK", "DEU", "D", "[[", "Ü", "Germany"] {
            assert_eq!(country(bad.as_bytes()), Err(Rule::InvalidCountry), "{bad}");
        }
        assert_eq!(country(b" "), Err(Rule::NullValue));
        let known = PLACES.iter().flatten().filter(|place| **place > 0).count();
        assert_eq!(known, COUNTRIES.len());
    }

    #[test]
    fn currencies_are_iso_codes_in_upper_or_lower_case() {
        assert!(CURRENCIES.windows(2).all(|pair| pair[0] < pair[1]));
        for code in CURRENCIES {
            assert_eq!(currency(code.to_ascii_lowercase().as_bytes()), Ok(*code));
        }
        assert_eq!(currency(b" Eur "), Ok("EUR"));
        for bad in ["XXX", "EURO", "EU", "$", "\u{20ac}", "978", "US$"] {
            assert_eq!(currency(bad.as_bytes()), Err(Rule::InvalidCurrency), "{bad}");
        }
        assert_eq!(currency(b" "), Err(Rule::NullValue));
    }

    #[test]
    fn uuids_have_hyphens_or_none() {
        let id = uuid(b"67e55044-10b1-426f-9247-bb680e5fe0c8").unwrap();
        for same in [
            "67E55044-10B1-426F-9247-BB680E5FE0C8",
            "67e5504410b1426f9247bb680e5fe0c8",
            " 67e55044-10b1-426f-9247-bb680e5fe0c8\t",
        ] {
            assert_eq!(uuid(same.as_bytes()), Ok(id), "{same}");
        }
        assert_eq!(hyphenated(id), "67e55044-10b1-426f-9247-bb680e5fe0c8");
        for bad in [
            "67e55044-10b1-426f-9247-bb680e5fe0cg",
            "67e550441-0b1-426f-9247-bb680e5fe0c8",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67e55044",
        ] {
            assert_eq!(uuid(bad.as_bytes()), Err(Rule::InvalidUuid), "{bad}");
        }
        assert_eq!(uuid(b""), Err(Rule::NullValue));
    }
}
