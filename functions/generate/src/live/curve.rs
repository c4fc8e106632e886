//! How many events there are at which moment: the rate, and the peak of a campaign.

use super::scenario::Scenario;

/// Shares of the duration: before the peak, until its end, and the peak itself.
const PEAK_FROM: f64 = 0.4;
const PEAK_TO: f64 = 0.6;
const PEAK: f64 = 0.2;
const MICROS: f64 = 1_000_000.0;

/// Moments of events by their number. Only operations that IEEE 754 rounds exactly are used: every
/// platform gives the same moments.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Events per second, outside the peak and in it.
    usual: f64,
    high: f64,
    /// Seconds.
    duration: f64,
    /// Events before the peak, and before its end.
    before: f64,
    until_end: f64,
    events: u64,
}

impl Curve {
    /// The curve of a scenario that has been checked.
    pub fn new(scenario: &Scenario) -> Curve {
        let (usual, high) = (scenario.rate, scenario.rate * scenario.peak);
        let duration = scenario.duration.as_secs_f64();
        let before = usual * (PEAK_FROM * duration);
        let until_end = before + high * (PEAK * duration);
        let events = until_end + usual * ((1.0 - PEAK_FROM - PEAK) * duration);
        Curve { usual, high, duration, before, until_end, events: (events.round() as u64).max(1) }
    }

    /// How many events there are in all.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Microseconds from the start to the event at a place, which may lie between two numbers; later
    /// places never come earlier.
    pub fn at(&self, place: f64) -> u64 {
        let seconds = if place < self.before {
            place / self.usual
        } else if place < self.until_end {
            PEAK_FROM * self.duration + (place - self.before) / self.high
        } else {
            PEAK_TO * self.duration + (place - self.until_end) / self.usual
        };
        (seconds.min(self.duration) * MICROS) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn curve(rate: f64, seconds: u64, peak: f64) -> Curve {
        let start = "2026-01-15T10:00:00Z".parse().unwrap();
        let duration = Duration::from_secs(seconds);
        Curve::new(&Scenario { rate, duration, peak, ..Scenario::starting(start) })
    }

    #[test]
    fn the_middle_fifth_has_the_peak_and_the_rest_the_rate() {
        let curve = curve(100.0, 100, 2.5);
        assert_eq!(curve.events(), 40 * 100 + 20 * 250 + 40 * 100);
        let moments: Vec<u64> = (0..curve.events()).map(|n| curve.at(n as f64 + 0.5)).collect();
        let within = |from: u64, to: u64| {
            let second = |moment: &&u64| (from..to).contains(&(**moment / 1_000_000));
            moments.iter().filter(second).count()
        };
        for (from, to, expected) in [(0, 10, 1_000), (45, 55, 2_500), (70, 80, 1_000)] {
            assert!(within(from, to).abs_diff(expected) <= 1, "{from}: {}", within(from, to));
        }
        assert!(moments.windows(2).all(|pair| pair[0] <= pair[1]), "in order");
        assert!(moments.iter().all(|moment| *moment <= 100_000_000), "within the duration");
    }

    #[test]
    fn without_a_peak_the_rate_is_steady() {
        let curve = curve(10.0, 60, 1.0);
        assert_eq!(curve.events(), 600);
        assert_eq!(
            [0.0, 150.0, 300.0, 450.0].map(|n| curve.at(n)),
            [0, 15, 30, 45].map(|s| s * 1_000_000)
        );
    }

    #[test]
    fn however_few_there_are_one_comes() {
        assert_eq!(curve(0.001, 1, 1.0).events(), 1);
    }
}
