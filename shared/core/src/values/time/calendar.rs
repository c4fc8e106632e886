//! Days of the proleptic Gregorian calendar, counted from 1970-01-01.

/// Days since 1970-01-01 of a date, if the calendar has it.
#[inline]
pub(super) fn civil(year: i32, month: u8, day: u8) -> Option<i32> {
    if month == 0 || month > 12 || day == 0 || (day > 28 && day > days_in(year, month)) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

/// Days of a month.
pub fn days_in(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, of a year from 0 on: days of whole
/// years, which are counted from March so that the leap day comes last, then of the months.
#[inline]
fn days_from_civil(year: i32, month: u8, day: u8) -> i32 {
    const BEFORE_MONTH: [i32; 16] =
        [0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 0, 0, 0];
    // 400 years more than there are, so that nothing is negative.
    let years = (year + 400 - i32::from(month <= 2)) as u32;
    let centuries = years / 100;
    let days = years * 365 + years / 4 - centuries + centuries / 4;
    days as i32 + BEFORE_MONTH[usize::from(month & 15)] + i32::from(day) - (719_469 + 146_097)
}

/// Year, month and day of days since 1970-01-01.
pub(super) fn civil_from_days(days: i32) -> (u32, u32, u32) {
    use chrono::Datelike;
    let date = chrono::NaiveDate::from_epoch_days(days).unwrap_or_default();
    (date.year().unsigned_abs(), date.month(), date.day())
}
