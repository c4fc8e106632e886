//! Times without an offset: what the clocks of the configured zone showed.
//!
//! Only here it is known which zone a file means, so such a time goes on as the moment it stands
//! for: whoever reads the validated file, now or after the setting has changed, sees the same.

use std::str::FromStr;

use chrono::{DateTime, LocalResult, Offset, TimeZone};
use chrono_tz::Tz;
use shopflow_core::values::{self, Moment, time};
use shopflow_core::{Error, Result, Settings};

use crate::rules::Rule;

const MICROS: i64 = 1_000_000;

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// The zone that times in files are of: `validation.time_zone`, else the shop's own.
    ///
    /// # Errors
    /// `InvalidInput` when there is no zone of that name.
    pub fn of(settings: &Settings) -> Result<Zone> {
        match settings.validation.time_zone.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => Zone::named("validation.time_zone", name),
            None => Zone::named("business.time_zone", &settings.business.time_zone),
        }
    }

    fn named(setting: &str, name: &str) -> Result<Zone> {
        Tz::from_str(name).map(Zone).map_err(|_| {
            Error::invalid(format!("{setting} is no time zone"))
                .with("time_zone", name)
                .hint("set it to an IANA name, such as Europe/Berlin")
        })
    }

    /// Name of the zone.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The moment of a value that is a time without an offset, as it goes on.
    pub(crate) fn written_out(self, value: &[u8]) -> Option<Vec<u8>> {
        let Ok(Moment::OnClock(shown)) = values::moment(value) else { return None };
        let mut text = Vec::new();
        time::write_moment(self.moment(shown)?, &mut text);
        Some(text)
    }

    /// The moment, in microseconds since 1970-01-01 UTC, at which clocks showed this; nothing when
    /// they did so twice or never.
    fn moment(self, shown: i64) -> Option<i64> {
        if self.0 == Tz::UTC {
            return Some(shown);
        }
        let time = DateTime::from_timestamp_micros(shown)?.naive_utc();
        match self.0.offset_from_local_datetime(&time) {
            LocalResult::Single(offset) => {
                Some(shown - i64::from(offset.fix().local_minus_utc()) * MICROS)
            }
            LocalResult::Ambiguous(..) | LocalResult::None => None,
        }
    }
}

/// Reads times without an offset, row by row.
#[derive(Debug)]
pub(crate) struct Clock {
    zone: Zone,
    /// The current row has such a time.
    is_met: bool,
    /// Good rows that had one.
    rows: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Clock::of(Zone(Tz::UTC))
    }
}

impl Clock {
    pub fn of(zone: Zone) -> Clock {
        Clock { zone, is_met: false, rows: 0 }
    }

    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Notes a time in the current row.
    #[cold]
    pub fn meet(&mut self, shown: i64) -> std::result::Result<(), Rule> {
        self.is_met = true;
        let moment = self.zone.moment(shown).ok_or(Rule::AmbiguousTime)?;
        // On New Year's Eve the moment can be of another year than the time.
        if time::is_within_range(moment) { Ok(()) } else { Err(Rule::OutOfRange) }
    }

    /// Ends a row; true when it is good and has a time to be written out.
    #[inline]
    pub fn end_row(&mut self, is_good: bool) -> bool {
        let is_due = is_good && self.is_met;
        self.is_met = false;
        self.rows += u64::from(is_due);
        is_due
    }

    /// What the report says about it.
    pub fn warning(&self) -> Option<String> {
        let rows = self.rows;
        (rows > 0).then(|| {
            let zone = self.zone.name();
            format!(
                "times without an offset, read as those of {zone} (validation.time_zone): in \
                 {rows} good rows"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: &str, shown: &str) -> Option<String> {
        let zone = Zone::named("x", zone).unwrap();
        zone.written_out(shown.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn a_time_is_the_moment_at_which_clocks_showed_it() {
        let berlin = |shown| moment("Europe/Berlin", shown);
        assert_eq!(berlin("2026-01-15 08:30:00").unwrap(), "2026-01-15T07:30:00Z");
        assert_eq!(berlin("2026-07-15T08:30:00.25").unwrap(), "2026-07-15T06:30:00.250000Z");
        assert_eq!(moment("UTC", "2026-01-15 08:30").unwrap(), "2026-01-15T08:30:00Z");
        assert_eq!(moment("Asia/Kolkata", "2026-01-15 02:00").unwrap(), "2026-01-14T20:30:00Z");
        // With an offset there is nothing to write out.
        assert_eq!(berlin("2026-01-15T08:30:00+05:00"), None);
    }

    #[test]
    fn what_clocks_showed_twice_or_never_is_ambiguous() {
        let zone = Zone::named("x", "Europe/Berlin").unwrap();
        for (shown, is_told) in [
            ("2026-03-29T01:59:59", true),
            ("2026-03-29T02:00:00", false),
            ("2026-03-29T02:59:59", false),
            ("2026-03-29T03:00:00", true),
            ("2026-10-25T01:59:59", true),
            ("2026-10-25T02:00:00", false),
            ("2026-10-25T02:59:59", false),
            ("2026-10-25T03:00:00", true),
        ] {
            let Ok(Moment::OnClock(micros)) = values::moment(shown.as_bytes()) else { panic!() };
            let mut clock = Clock::of(zone);
            let expected = if is_told { Ok(()) } else { Err(Rule::AmbiguousTime) };
            assert_eq!(clock.meet(micros), expected, "{shown}");
        }
    }

    #[test]
    fn a_moment_is_within_the_years_as_well_as_its_time() {
        let meet = |zone: &str, shown: &str| {
            let Ok(Moment::OnClock(micros)) = values::moment(shown.as_bytes()) else { panic!() };
            Clock::of(Zone::named("x", zone).unwrap()).meet(micros)
        };
        for (zone, shown) in
            [("Asia/Tokyo", "1900-01-01 08:00"), ("America/New_York", "2100-12-31 20:00")]
        {
            assert_eq!(meet(zone, shown), Err(Rule::OutOfRange), "{shown}");
            assert_eq!(meet("UTC", shown), Ok(()), "{shown}");
        }
    }

    #[test]
    fn a_refused_row_leaves_no_trace() {
        let mut clock = Clock::default();
        clock.meet(0).unwrap();
        assert!(!clock.end_row(false));
        assert!(!clock.end_row(true));
        assert_eq!(clock.warning(), None);
        clock.meet(0).unwrap();
        assert!(clock.end_row(true));
        assert!(clock.warning().unwrap().ends_with("in 1 good rows"));
    }

    #[test]
    fn the_zone_is_that_of_the_shop_unless_files_have_their_own() {
        let settings = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            Settings::from_sources("prod", variables.collect(), &[]).unwrap()
        };
        let business = ("SHOPFLOW__BUSINESS__TIME_ZONE", "Europe/Berlin");
        let files = ("SHOPFLOW__VALIDATION__TIME_ZONE", "America/New_York");
        let name = |variables: &[_]| Zone::of(&settings(variables)).unwrap().name();
        assert_eq!(name(&[]), "UTC");
        assert_eq!(name(&[business]), "Europe/Berlin");
        assert_eq!(name(&[business, files]), "America/New_York");
        let wrong = settings(&[("SHOPFLOW__VALIDATION__TIME_ZONE", "Mars/Olympus")]);
        let error = Zone::of(&wrong).unwrap_err().to_string();
        assert!(error.contains("validation.time_zone"), "{error}");
    }
}
