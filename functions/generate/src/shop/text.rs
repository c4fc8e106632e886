//! Writing numbers, times and fields as bytes, without allocation.

/// "00" to "99", one after the other.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[2 * number] = b'0' + (number / 10) as u8;
        pairs[2 * number + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

const HEX: &[u8; 16] = b"0123456789abcdef";

#[inline]
fn pair(number: u64) -> [u8; 2] {
    let at = (number % 100) as usize * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

/// Appends a decimal integer.
#[inline]
pub fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = 20;
    while number >= 100 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&pair(number));
        number /= 100;
    }
    if number >= 10 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&pair(number));
    } else {
        start -= 1;
        digits[start] = b'0' + number as u8;
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends an amount of hundredths as a decimal with two places.
pub fn push_price(out: &mut Vec<u8>, cents: u64) {
    push_number(out, cents / 100);
    out.push(b'.');
    out.extend_from_slice(&pair(cents));
}

/// Appends an amount of ten-thousandths as a decimal with two places, or four where it has to.
pub fn push_amount(out: &mut Vec<u8>, ten_thousandths: u64) {
    let (cents, rest) = (ten_thousandths / 100, ten_thousandths % 100);
    push_price(out, cents);
    if rest > 0 {
        out.extend_from_slice(&pair(rest));
    }
}

/// Appends `HH:MM:SSZ` for a second of the day.
#[inline]
pub fn push_time(out: &mut Vec<u8>, second: u32) {
    let [h1, h2] = pair(u64::from(second / 3600));
    let [m1, m2] = pair(u64::from(second / 60 % 60));
    let [s1, s2] = pair(u64::from(second % 60));
    out.extend_from_slice(&[h1, h2, b':', m1, m2, b':', s1, s2, b'Z']);
}

/// Sixteen hexadecimal digits.
#[inline]
pub fn hex(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (index, byte) in number.to_be_bytes().into_iter().enumerate() {
        digits[2 * index] = HEX[usize::from(byte >> 4)];
        digits[2 * index + 1] = HEX[usize::from(byte & 15)];
    }
    digits
}

/// A random (version 4) UUID made of 128 random bits.
#[inline]
pub fn uuid(high: u64, low: u64) -> [u8; 36] {
    let high = hex((high & !0xf000) | 0x4000);
    let low = hex((low & (u64::MAX >> 2)) | (1 << 63));
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&high[..8]);
    text[9..13].copy_from_slice(&high[8..12]);
    text[14..18].copy_from_slice(&high[12..]);
    text[19..23].copy_from_slice(&low[..4]);
    text[24..].copy_from_slice(&low[4..]);
    text
}

/// Appends a CSV field, in quotes when RFC 4180 asks for them.
pub fn push_field(out: &mut Vec<u8>, field: &[u8]) {
    if !field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(field);
        return;
    }
    out.push(b'"');
    for &byte in field {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// `text` reduced to the characters of an e-mail's local part: accents dropped, lower case.
pub fn slug(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter_map(plain).collect()
}

fn plain(letter: char) -> Option<char> {
    Some(match letter {
        'a'..='z' | '0'..='9' | '-' => letter,
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ğ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ı' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ş' | 'š' => 's',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn numbers_read_back(number: u64) {
            prop_assert_eq!(written(|out| push_number(out, number)), number.to_string());
        }

        #[test]
        fn a_field_reads_back_whatever_it_contains(field in "[a-z,\" \r\n]{0,12}") {
            let line = written(|out| {
                push_field(out, field.as_bytes());
                out.extend_from_slice(b",end\n");
            });
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(&record[0], field);
        }

        #[test]
        fn uuids_have_version_and_variant(high: u64, low: u64) {
            let text = String::from_utf8(uuid(high, low).to_vec()).unwrap();
            let groups: Vec<usize> = text.split('-').map(str::len).collect();
            prop_assert_eq!(groups, vec![8, 4, 4, 4, 12]);
            prop_assert_eq!(&text[14..15], "4");
            prop_assert!("89ab".contains(&text[19..20]));
        }
    }

    #[test]
    fn prices_have_two_places() {
        assert_eq!(written(|out| push_price(out, 5)), "0.05");
        assert_eq!(written(|out| push_price(out, 123_450)), "1234.50");
    }

    #[test]
    fn amounts_have_two_places_or_four() {
        assert_eq!(written(|out| push_amount(out, 43_166)), "4.3166");
        assert_eq!(written(|out| push_amount(out, 129_500)), "12.95");
        assert_eq!(written(|out| push_amount(out, 10_001)), "1.0001");
    }

    #[test]
    fn times_are_padded() {
        assert_eq!(written(|out| push_time(out, 0)), "00:00:00Z");
        assert_eq!(written(|out| push_time(out, 86_399)), "23:59:59Z");
        assert_eq!(written(|out| push_time(out, 3_661)), "01:01:01Z");
    }

    #[test]
    fn a_slug_is_plain_ascii() {
        assert_eq!(slug("Müller-Lüdenscheidt"), "muller-ludenscheidt");
        assert_eq!(slug("O'Connor"), "oconnor");
        assert_eq!(slug("佐藤"), "");
    }
}
