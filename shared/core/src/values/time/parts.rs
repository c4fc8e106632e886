//! The parts of a moment, and what they come to.

/// Microseconds of a second.
pub(super) const MICROS: i64 = 1_000_000;
/// Seconds of a day.
pub(super) const DAY_SECONDS: i64 = 86_400;

/// A date and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Microseconds since 1970-01-01 UTC.
    At(i64),
    /// What a clock shows, in microseconds since its 1970-01-01: which moment that is depends on
    /// where the clock hangs.
    OnClock(i64),
}

/// A date and a time in parts, so that it can be asked for its year as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub(super) day: i32,
    pub(super) seconds: i64,
    pub(super) micros: i64,
    /// Seconds east of UTC.
    pub(super) offset: Option<i64>,
}

impl Read {
    /// With the offset, if there is one, taken off.
    pub(super) fn micros(&self) -> i64 {
        let seconds = self.seconds - self.offset.unwrap_or(0);
        (i64::from(self.day) * DAY_SECONDS + seconds) * MICROS + self.micros
    }

    pub(super) fn moment(&self) -> Moment {
        match self.offset {
            Some(_) => Moment::At(self.micros()),
            None => Moment::OnClock(self.micros()),
        }
    }
}

/// Seconds of a time of day.
#[inline]
pub(super) fn clock(hour: u8, minute: u8, second: u8) -> Option<i64> {
    let fits = hour <= 23 && minute <= 59 && second <= 59;
    fits.then(|| i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// Seconds of an offset.
pub(super) fn signed(sign: u8, hours: u8, minutes: u8) -> Option<i64> {
    let seconds = clock(hours, minutes, 0)?;
    Some(if sign == b'-' { -seconds } else { seconds })
}

/// Microseconds of up to six decimals of a second.
pub(super) fn fraction(digits: &[u8]) -> i64 {
    let number = digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    number * 10i64.pow(6 - digits.len() as u32)
}

#[inline]
pub(super) fn two(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| tens * 10 + ones)
}
