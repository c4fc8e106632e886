//! Dates and timestamps, digit by digit.

use crate::rules::Rule;

const YEARS: std::ops::RangeInclusive<u32> = 1900..=2100;
/// What [`two`] gives for anything but two digits; larger than every limit it is compared with.
const NOT_DIGITS: u32 = 1000;

/// `YYYY-MM-DD`.
pub(super) fn date(value: &[u8]) -> Result<(), Rule> {
    let Ok(value) = <&[u8; 10]>::try_from(value) else { return Err(Rule::InvalidDate) };
    day(value, Rule::InvalidDate)
}

/// `YYYY-MM-DDTHH:MM:SS`, up to six decimals, then `Z` or `±HH:MM`.
pub(super) fn timestamp(value: &[u8]) -> Result<(), Rule> {
    let wrong = Err(Rule::InvalidTimestamp);
    let Some((moment, zone)) = value.split_first_chunk::<19>() else { return wrong };
    let [date @ .., b'T', h1, h2, b':', m1, m2, b':', s1, s2] = moment else { return wrong };
    if two(*h1, *h2) > 23 || two(*m1, *m2) > 59 || two(*s1, *s2) > 59 {
        return wrong;
    }
    if zone != b"Z" && !is_zone(zone) {
        return wrong;
    }
    day(date, Rule::InvalidTimestamp)
}

fn is_zone(rest: &[u8]) -> bool {
    let zone = match rest {
        [b'.', after @ ..] => {
            let decimals = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=6).contains(&decimals) {
                return false;
            }
            &after[decimals..]
        }
        zone => zone,
    };
    match zone {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => two(*h1, *h2) <= 23 && two(*m1, *m2) <= 59,
        _ => false,
    }
}

#[inline]
fn day(value: &[u8; 10], wrong: Rule) -> Result<(), Rule> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = value else { return Err(wrong) };
    let century = two(*y1, *y2);
    let of_century = two(*y3, *y4);
    let month = two(*m1, *m2);
    let day = two(*d1, *d2);
    let digits = century < 100 && of_century < 100;
    if !digits || month.wrapping_sub(1) > 11 || day == 0 {
        return Err(wrong);
    }
    let year = century * 100 + of_century;
    if day > 28 && day > days_in(year, month) {
        return Err(wrong);
    }
    if !YEARS.contains(&year) {
        return Err(Rule::OutOfRange);
    }
    Ok(())
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

#[inline]
fn two(tens: u8, ones: u8) -> u32 {
    let tens = u32::from(tens.wrapping_sub(b'0'));
    let ones = u32::from(ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { NOT_DIGITS } else { tens * 10 + ones }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    #[test]
    fn dates_are_days_of_the_calendar() {
        for year in 1899u32..=2101 {
            for month in 0u32..=13 {
                for day in 0u32..=32 {
                    let text = format!("{year:04}-{month:02}-{day:02}");
                    let real = NaiveDate::from_ymd_opt(year as i32, month, day).is_some();
                    let expected = match (real, YEARS.contains(&year)) {
                        (false, _) => Err(Rule::InvalidDate),
                        (true, false) => Err(Rule::OutOfRange),
                        (true, true) => Ok(()),
                    };
                    assert_eq!(date(text.as_bytes()), expected, "{text}");
                }
            }
        }
    }

    #[test]
    fn dates_have_one_spelling() {
        for bad in [
            "2024-1-05",
            "2024/01/05",
            "05.01.2024",
            "20240105",
            "2024-01-05T00:00:00Z",
            " 2024-01-05",
            "2024-01-0x",
            "x024-01-05",
            "20x4-01-05",
            "2024-0:-05",
            "+024-01-05",
            "",
        ] {
            assert_eq!(date(bad.as_bytes()), Err(Rule::InvalidDate), "{bad}");
        }
    }

    #[test]
    fn timestamps_are_rfc_3339_to_the_microsecond() {
        for good in [
            "2024-02-29T23:59:59Z",
            "2024-01-15T00:00:00.1Z",
            "2024-01-15T09:30:00.123456Z",
            "2024-01-15T09:30:00+01:00",
            "2024-01-15T09:30:00.5-23:59",
            "1900-01-01T00:00:00Z",
            "2100-12-31T23:59:59Z",
        ] {
            assert_eq!(timestamp(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "2024-01-15",
            "2024-01-15T09:30:00",
            "2024-01-15T09:30Z",
            "2024-01-15 09:30:00Z",
            "2024-01-15t09:30:00Z",
            "2024-01-15T09:30:00z",
            "2024-01-15T24:00:00Z",
            "2024-01-15T09:60:00Z",
            "2024-01-15T09:30:60Z",
            "2024-01-15T09:30:00.Z",
            "2024-01-15T09:30:00.1234567Z",
            "2024-01-15T09:30:00+24:00",
            "2024-01-15T09:30:00+01:60",
            "2024-01-15T09:30:00+0100",
            "2024-01-15T09:30:00+1:00",
            "2024-01-15T09:30:00ZZ",
            "2024-01-15T09:30:00.5",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "1705311000",
            "",
        ] {
            assert_eq!(timestamp(bad.as_bytes()), Err(Rule::InvalidTimestamp), "{bad}");
        }
        assert_eq!(timestamp(b"1899-12-31T23:59:59Z"), Err(Rule::OutOfRange));
        assert_eq!(timestamp(b"2101-01-01T00:00:00Z"), Err(Rule::OutOfRange));
    }
}
