//! Slices and windows: ten seconds are the smallest part of time, and every window is made of them.

use std::time::Duration;

/// Microseconds since 1970-01-01 UTC.
pub type Micros = i64;

/// Microseconds of a slice.
pub const SLICE_MICROS: i64 = 10_000_000;

/// The slice a moment is in.
#[inline]
pub fn slice_of(moment: Micros) -> i64 {
    moment.div_euclid(SLICE_MICROS)
}

/// When a slice begins.
#[inline]
pub fn slice_start(slice: i64) -> Micros {
    slice.saturating_mul(SLICE_MICROS)
}

/// A duration in microseconds; the largest number for one that has no room.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// True when a slice can no longer change: the watermark is at its end and `lateness` more, so that
/// every window it is in has been written for the last time as far as this slice goes.
pub fn is_too_late(slice: i64, watermark: Option<Micros>, lateness: Duration) -> bool {
    let end = slice_start(slice.saturating_add(1)).saturating_add(micros(lateness));
    watermark.is_some_and(|watermark| watermark >= end)
}

/// Windows of one size: one behind the other, or each `every` slices later than the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// As it is written: `1m`, `1h`, and for sliding windows size and step, `15m/1m`.
    pub name: String,
    /// Slices of a window.
    pub slices: i64,
    /// Slices from the start of a window to that of the next; a divisor of `slices`.
    pub every: i64,
}

impl Window {
    /// The first slices of all windows that a slice is in, ascending.
    ///
    /// ```
    /// use shopflow_windows::Window;
    ///
    /// let sliding = Window { name: "1m/20s".to_owned(), slices: 6, every: 2 };
    /// assert_eq!(sliding.starts_of(7).collect::<Vec<_>>(), [2, 4, 6]);
    /// ```
    pub fn starts_of(&self, slice: i64) -> impl Iterator<Item = i64> + use<> {
        let every = self.every.max(1);
        let last = slice.div_euclid(every) * every;
        let first = (slice - self.slices).div_euclid(every) * every + every;
        (first..=last).step_by(usize::try_from(every).unwrap_or(1))
    }

    /// The first slice behind the window that begins with `start_slice`.
    pub fn end(&self, start_slice: i64) -> i64 {
        start_slice + self.slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slice_is_too_late_once_the_watermark_is_at_its_end_and_the_lateness() {
        let lateness = Duration::from_secs(60);
        assert!(!is_too_late(7, None, lateness));
        assert!(!is_too_late(7, Some(8 * SLICE_MICROS + 59_999_999), lateness));
        assert!(is_too_late(7, Some(8 * SLICE_MICROS + 60_000_000), lateness));
        assert!(!is_too_late(i64::MAX, Some(i64::MAX - 1), Duration::MAX));
    }

    #[test]
    fn moments_before_1970_have_slices_too() {
        assert_eq!(slice_of(-1), -1);
        assert_eq!(slice_start(slice_of(-1)), -SLICE_MICROS);
        assert_eq!(slice_of(SLICE_MICROS), 1);
    }

    proptest! {
        #[test]
        fn a_slice_is_in_exactly_the_windows_that_reach_over_it(
            slice in -500i64..500, every in 1i64..8, times in 1i64..6,
        ) {
            let window = Window { name: String::new(), slices: every * times, every };
            let found: Vec<i64> = window.starts_of(slice).collect();
            let holds = |start: &i64| {
                start.rem_euclid(every) == 0 && (*start..window.end(*start)).contains(&slice)
            };
            let expected: Vec<i64> = (-600..600).filter(holds).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
