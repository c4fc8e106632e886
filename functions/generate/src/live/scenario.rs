//! What is to be simulated.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shopflow_core::{Error, Result};

use super::label::Label;

/// Most events in a second.
const MAX_RATE: f64 = 100_000.0;
/// Longest simulation.
const MAX_DURATION: Duration = Duration::from_secs(24 * 3_600);
/// Highest peak.
const MAX_PEAK: f64 = 10.0;
/// Furthest that an event's time may be from the moment at which it is sent.
const MAX_DELAY: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Everything the events depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Of the shop whose customers click and whose products they look at, and of what they do.
    pub seed: u64,
    /// Size of that shop, as that of `GenerateSpec`.
    pub scale: f64,
    /// When it begins. Names of events and visits depend on it, so that those of two runs differ.
    pub start: DateTime<Utc>,
    /// Events per second outside the peak; over 0, at most 100,000.
    pub rate: f64,
    /// A second to a day.
    pub duration: Duration,
    /// How many times the rate the middle fifth has, 1 to 10.
    pub peak: f64,
    pub shares: Shares,
    pub delays: Delays,
}

impl Scenario {
    /// The usual one: two minutes of 500 events per second, two and a half times as many in the
    /// middle.
    pub fn starting(start: DateTime<Utc>) -> Scenario {
        Scenario {
            seed: 42,
            scale: 1.0,
            start,
            rate: 500.0,
            duration: Duration::from_secs(120),
            peak: 2.5,
            shares: Shares::default(),
            delays: Delays::default(),
        }
    }

    /// Checks every field but seed and scale, which are the shop's.
    ///
    /// # Errors
    /// `InvalidInput` that names every field that is out of range.
    pub fn check(&self) -> Result<()> {
        let mut problems = Vec::new();
        if !(self.rate > 0.0 && self.rate <= MAX_RATE) {
            problems.push(format!("rate must be over 0 and at most {MAX_RATE}, not {}", self.rate));
        }
        if !(Duration::from_secs(1)..=MAX_DURATION).contains(&self.duration) {
            let seconds = self.duration.as_secs_f64();
            problems.push(format!("duration must be from a second to a day, not {seconds} s"));
        }
        if !(1.0..=MAX_PEAK).contains(&self.peak) {
            problems.push(format!("peak must be from 1 to {MAX_PEAK}, not {}", self.peak));
        }
        let shares = self.shares.parts().map(|(_, share)| share);
        if !shares.iter().all(|share| (0.0..=1.0).contains(share))
            || shares.iter().sum::<f64>() > 1.0
        {
            problems.push("shares must be from 0 to 1, and 1 at most together".to_owned());
        }
        if !self.delays.all().iter().all(|delay| delay.is_sound()) {
            problems.push("delays must have an order, and be a week at most".to_owned());
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(format!("scenario is wrong: {}", problems.join("; ")))
            .hint("correct the fields and start again"))
    }
}

/// How many of the events are something else than good, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub bot: f64,
    pub out_of_order: f64,
    pub late: f64,
    pub too_late: f64,
    pub duplicate: f64,
    pub broken: f64,
    pub future: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Shares {
            bot: 0.05,
            out_of_order: 0.02,
            late: 0.01,
            too_late: 0.002,
            duplicate: 0.01,
            broken: 0.005,
            future: 0.001,
        }
    }
}

impl Shares {
    /// Visitors only, and nothing goes wrong.
    pub const NONE: Shares = Shares {
        bot: 0.0,
        out_of_order: 0.0,
        late: 0.0,
        too_late: 0.0,
        duplicate: 0.0,
        broken: 0.0,
        future: 0.0,
    };

    /// Each with its label.
    pub(super) fn parts(&self) -> [(Label, f64); 7] {
        let Shares { bot, out_of_order, late, too_late, duplicate, broken, future } = *self;
        [
            (Label::Bot, bot),
            (Label::OutOfOrder, out_of_order),
            (Label::Late, late),
            (Label::TooLate, too_late),
            (Label::Duplicate, duplicate),
            (Label::Broken, broken),
            (Label::Future, future),
        ]
    }
}

/// A span of durations, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    pub least: Duration,
    pub most: Duration,
}

impl Between {
    const fn seconds(least: u64, most: u64) -> Between {
        Between { least: Duration::from_secs(least), most: Duration::from_secs(most) }
    }

    fn is_sound(&self) -> bool {
        self.least <= self.most && self.most <= MAX_DELAY
    }
}

/// How far the time of an event is from the moment at which it is sent: before it, and behind it for
/// [`Delays::future`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    pub out_of_order: Between,
    pub late: Between,
    pub too_late: Between,
    pub future: Between,
}

impl Default for Delays {
    /// Those that fit the stream as it is configured: half a minute out of order, a quarter of an hour
    /// late, five minutes ahead. The watermark may be a tick, a minute, behind.
    fn default() -> Self {
        Delays {
            out_of_order: Between::seconds(1, 20),
            late: Between::seconds(120, 600),
            too_late: Between::seconds(3_600, 6 * 3_600),
            future: Between::seconds(600, 24 * 3_600),
        }
    }
}

impl Delays {
    fn all(&self) -> [Between; 4] {
        let Delays { out_of_order, late, too_late, future } = *self;
        [out_of_order, late, too_late, future]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Scenario {
        Scenario::starting("2026-01-15T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn every_field_out_of_range_is_named_at_once() {
        usual().check().unwrap();
        let scenario = Scenario {
            rate: f64::NAN,
            duration: Duration::ZERO,
            peak: 0.5,
            shares: Shares { bot: 0.7, late: 0.4, ..Shares::NONE },
            delays: Delays { late: Between::seconds(2, 1), ..Delays::default() },
            ..usual()
        };
        let text = scenario.check().unwrap_err().to_string();
        for part in ["rate", "duration", "peak", "shares", "delays"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn the_limits_themselves_are_accepted() {
        let scenario = Scenario {
            rate: MAX_RATE,
            duration: MAX_DURATION,
            peak: 1.0,
            shares: Shares { broken: 1.0, ..Shares::NONE },
            ..usual()
        };
        scenario.check().unwrap();
    }
}
