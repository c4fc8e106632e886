//! Business time: the zone whose days, weeks and months the aggregates speak of.
//!
//! Silver and the facts keep UTC event dates; only `business_date` of a sale depends on the zone.
//! The zone that published tables were computed for is remembered in `ops.business_time`: with
//! another one nothing of them can stay, so transform rebuilds them.

use std::ops::RangeInclusive;
use std::str::FromStr;

use arrow::array::timezone::Tz;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use shopflow_core::{Error, Result};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::Transaction;

/// How the SQL of the gold tables names the zone; it is valid as it stands.
const PLACEHOLDER: &str = "AT TIME ZONE 'UTC'";

/// A time zone of the IANA database.
#[derive(Debug, Clone)]
pub struct BusinessTime {
    name: String,
    zone: Tz,
}

impl BusinessTime {
    /// The zone of that name, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such zone; a bare offset is none, since shops follow
    /// daylight saving.
    pub fn new(name: &str) -> Result<BusinessTime> {
        let named = name.starts_with(|first: char| first.is_ascii_alphabetic());
        match Tz::from_str(name) {
            Ok(zone) if named => Ok(BusinessTime { name: name.to_owned(), zone }),
            _ => Err(Error::invalid("business.time_zone is not a known time zone")
                .with("time_zone", name)
                .hint("set SHOPFLOW__BUSINESS__TIME_ZONE to an IANA name, such as Europe/Berlin")),
        }
    }

    /// Name of the zone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The business dates that a UTC date has a part in.
    pub fn dates_of(&self, utc_date: NaiveDate) -> RangeInclusive<NaiveDate> {
        let first = utc_date.and_time(NaiveTime::MIN).and_utc();
        let last = first + TimeDelta::days(1) - TimeDelta::microseconds(1);
        self.date_at(first)..=self.date_at(last)
    }

    /// The business date of a moment.
    pub fn date_at(&self, moment: DateTime<Utc>) -> NaiveDate {
        moment.with_timezone(&self.zone).date_naive()
    }

    /// The SQL of a gold table for this zone.
    pub fn localise(&self, sql: &str) -> String {
        sql.replace(PLACEHOLDER, &format!("AT TIME ZONE '{}'", self.name))
    }

    /// True when the published aggregates were computed for this zone, or nothing is published yet.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn is_current(&self, client: &Client) -> Result<bool> {
        let sql = "SELECT (SELECT time_zone FROM ops.business_time),
                          EXISTS (SELECT FROM warehouse.daily_sales)";
        let row = client.query_one(sql, &[]).await.or_db("read business time zone")?;
        let (zone, is_published): (Option<&str>, bool) = (row.get(0), row.get(1));
        Ok(zone.map_or(!is_published, |zone| zone == self.name))
    }

    /// Remembers the zone together with what is published.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn remember(&self, transaction: &Transaction<'_>) -> Result<()> {
        transaction
            .execute(
                "INSERT INTO ops.business_time (time_zone) VALUES ($1)
                 ON CONFLICT (only_row) DO UPDATE
                 SET time_zone = excluded.time_zone, since = excluded.since
                 WHERE business_time.time_zone <> excluded.time_zone",
                &[&self.name],
            )
            .await
            .or_db("remember business time zone")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_utc_date_has_a_part_in_the_dates_around_it() {
        let dates = |zone: &str, date: &str| {
            let dates = BusinessTime::new(zone).unwrap().dates_of(day(date));
            (dates.start().to_string(), dates.end().to_string())
        };
        let pair = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(dates("UTC", "2026-03-29"), pair("2026-03-29", "2026-03-29"));
        assert_eq!(dates("Europe/Berlin", "2026-03-29"), pair("2026-03-29", "2026-03-30"));
        assert_eq!(dates("America/New_York", "2026-03-08"), pair("2026-03-07", "2026-03-08"));
        // Samoa had no 30 December 2011.
        assert_eq!(dates("Pacific/Apia", "2011-12-30"), pair("2011-12-29", "2011-12-31"));
    }

    #[test]
    fn the_clock_change_moves_midnight() {
        let berlin = BusinessTime::new("Europe/Berlin").unwrap();
        let date = |moment: &str| berlin.date_at(moment.parse().unwrap()).to_string();
        assert_eq!(date("2026-03-28T22:59:59Z"), "2026-03-28");
        assert_eq!(date("2026-03-28T23:00:00Z"), "2026-03-29");
        assert_eq!(date("2026-03-29T21:59:59Z"), "2026-03-29");
        assert_eq!(date("2026-03-29T22:00:00Z"), "2026-03-30");
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for wrong in ["", "Mars/Olympus", "+02:00", "UTC'; DROP TABLE x; --"] {
            let error = BusinessTime::new(wrong).unwrap_err();
            assert!(error.to_string().contains("business.time_zone"), "{error}");
        }
    }
}
