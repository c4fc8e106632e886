//! The figures as JSON. What is not known is null.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::clock::Clock;
use super::source::Place;

/// All figures of the page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Live {
    /// When they were put together.
    pub now: DateTime<Utc>,
    /// End of the slice of ten seconds that is under way.
    pub until: DateTime<Utc>,
    pub stream: String,
    /// ISO 4217 code of every sum.
    pub currency: String,
    pub visitors: Option<Visitors>,
    pub events: Option<Slices>,
    pub revenue: Option<Minutes>,
    pub funnel: Option<Funnel>,
    /// The last fifteen minutes.
    pub recent: Option<Recent>,
    /// The same fifteen minutes a week before.
    pub week_before: Option<Recent>,
    pub trends: Option<Trends>,
    /// Visits with something in the cart and no purchase that ended, for good, in the last hour.
    pub abandoned_carts: Option<i64>,
    pub lag: Option<Lag>,
    pub counts: Option<Counts>,
    /// Minutes with unusually few or many events in the last day, the latest first.
    pub findings: Vec<Finding>,
}

impl Live {
    /// The figures of a stream that nothing has been read from.
    pub fn nothing(clock: Clock, place: &Place) -> Live {
        Live {
            now: clock.now,
            until: clock.until,
            stream: place.stream.clone(),
            currency: place.currency.clone(),
            visitors: None,
            events: None,
            revenue: None,
            funnel: None,
            recent: None,
            week_before: None,
            trends: None,
            abandoned_carts: None,
            lag: None,
            counts: None,
            findings: Vec::new(),
        }
    }
}

/// Who was there in the last five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Visitors {
    /// Visits, without bots.
    pub now: i64,
    pub bots: i64,
}

/// Events by slices of the last fifteen minutes, all complete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slices {
    /// In the last complete slice.
    pub per_second: Option<f64>,
    /// Start of the first slice.
    pub from: DateTime<Utc>,
    pub step_seconds: i64,
    /// Events of each slice.
    pub values: Vec<Option<u64>>,
}

/// Sums by minutes of the last hour; the last minute is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Minutes {
    /// Start of the first minute.
    pub from: DateTime<Utc>,
    pub step_seconds: i64,
    /// As decimals with two places.
    pub values: Vec<Option<String>>,
    /// A week before.
    pub week_before: Vec<Option<String>>,
}

/// How far visits of the last half hour came, without bots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Funnel {
    pub visits: i64,
    /// Saw a product.
    pub viewers: i64,
    /// Put something into the cart.
    pub carts: i64,
    /// Began to pay.
    pub checkouts: i64,
    pub buyers: i64,
    /// Visits of bots, which are in none of the others.
    pub bots: i64,
}

/// Fifteen minutes, without bots except in the revenue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recent {
    /// Start of the minutes.
    pub from: DateTime<Utc>,
    pub visitors: u64,
    pub buyers: u64,
    /// Buyers by visitors; null when nobody was there.
    pub conversion: Option<f64>,
    /// A decimal with two places.
    pub revenue: Option<String>,
    /// Purchases whose amount is not known, and not in the revenue; at least so many where the
    /// definition of the traffic does not count them, and null a week before.
    pub purchases_without_amount: Option<u64>,
}

/// Visits of bots in the fifteen minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bots {
    pub visitors: u64,
    pub buyers: u64,
}

impl Recent {
    /// The figures of a window or of slices; `None` when they are of another form.
    pub fn of(from: DateTime<Utc>, figures: &Value) -> Option<Recent> {
        Some(Recent {
            from,
            visitors: number(figures, "visitors")?,
            buyers: number(figures, "buyers")?,
            conversion: None,
            revenue: text(figures, "revenue"),
            purchases_without_amount: number(figures, "purchases_without_amount"),
        })
    }

    /// Fifteen minutes in which nothing happened.
    pub fn nobody(from: DateTime<Utc>) -> Recent {
        Recent {
            from,
            visitors: 0,
            buyers: 0,
            conversion: None,
            revenue: Some("0.00".to_owned()),
            purchases_without_amount: None,
        }
    }

    /// The same without bots, and with the conversion of what remains.
    pub fn without(self, bots: Bots) -> Recent {
        // Visitors are estimated where there are many, so a difference may come out too small.
        let visitors = self.visitors.saturating_sub(bots.visitors);
        let buyers = self.buyers.saturating_sub(bots.buyers);
        let conversion = (visitors > 0).then(|| {
            let share = (buyers as f64 / visitors as f64).min(1.0);
            (share * 10_000.0).round() / 10_000.0
        });
        Recent { visitors, buyers, conversion, ..self }
    }
}

/// A count among the figures of a window.
pub fn number(figures: &Value, name: &str) -> Option<u64> {
    figures.get(name)?.as_u64()
}

/// A sum among the figures of a window.
pub fn text(figures: &Value, name: &str) -> Option<String> {
    figures.get(name)?.as_str().map(str::to_owned)
}

/// Products that are looked at and bought more than shortly before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trends {
    /// End of the last fifteen minutes whose windows are closed.
    pub until: DateTime<Utc>,
    /// The one whose rise is farthest beyond chance first.
    pub products: Vec<Trend>,
}

/// A product and its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trend {
    pub product_id: i64,
    pub name: Option<String>,
    /// In the last fifteen minutes.
    pub events: i64,
    /// In the fifteen minutes before.
    pub before: Option<i64>,
}

/// How far the figures are behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// When Kinesis received the last record that is counted, and how long ago that is.
    pub last_arrival: Option<DateTime<Utc>>,
    pub arrival_seconds: Option<i64>,
    /// The latest event that is counted.
    pub last_event: Option<DateTime<Utc>>,
    /// No event before this moment is expected, and how long ago it is.
    pub watermark: Option<DateTime<Utc>>,
    pub watermark_seconds: Option<i64>,
    pub shards: i64,
}

/// What became of the events, since the stream began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    #[serde(flatten)]
    pub events: shopflow_windows::Counts,
    /// Too late for one definition or more, of the last hour: by definition.
    pub too_late_last_hour: Vec<TooLate>,
}

/// A number of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TooLate {
    pub definition: String,
    pub events: i64,
}

/// A minute with an unusual number of events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    pub occurred_at: DateTime<Utc>,
    pub detail: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(visitors: u64, buyers: u64) -> Recent {
        Recent {
            from: DateTime::UNIX_EPOCH,
            visitors,
            buyers,
            conversion: None,
            revenue: None,
            purchases_without_amount: None,
        }
    }

    #[test]
    fn bots_are_kept_out_of_the_conversion() {
        let bots = Bots { visitors: 20, buyers: 0 };
        let people = recent(120, 4).without(bots);
        assert_eq!((people.visitors, people.buyers), (100, 4));
        assert_eq!(people.conversion, Some(0.04));
    }

    #[test]
    fn the_conversion_of_nobody_is_not_known() {
        let bots = Bots { visitors: 3, buyers: 1 };
        assert_eq!(recent(2, 0).without(bots).conversion, None);
    }

    #[test]
    fn estimates_do_not_bring_more_buyers_than_visitors() {
        let bots = Bots { visitors: 5, buyers: 0 };
        assert_eq!(recent(6, 2).without(bots).conversion, Some(1.0));
    }
}
