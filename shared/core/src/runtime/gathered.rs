//! Metrics of several calls, sent together: a call of its own for each click would cost more than
//! the rest of it, and make it slower.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use shopflow_aws::cloudwatch::{BATCH, Datum, Unit};

/// How long numbers are kept. An instance that is stopped takes at most so much of them along; one
/// that is called less often than that sends them with each call.
const EVERY: Duration = Duration::from_secs(10);

/// The numbers that one process has not sent yet.
#[derive(Debug, Default)]
pub(super) struct Gathered(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    data: Vec<Datum>,
    sent: Option<Instant>,
}

impl Gathered {
    /// Keeps the numbers of a call; all that are kept, when it is time to send them.
    pub fn add(&self, data: Vec<Datum>, now: Instant) -> Vec<Datum> {
        // Numbers are right whatever happened to the thread that held them.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for datum in data {
            kept.add(datum);
        }
        let is_due = kept.sent.is_none_or(|sent| now.duration_since(sent) >= EVERY);
        if !is_due && kept.data.len() < BATCH {
            return Vec::new();
        }
        kept.sent = Some(now);
        std::mem::take(&mut kept.data)
    }
}

impl Kept {
    /// Counts add up; of durations and the like each is a value of its own.
    fn add(&mut self, datum: Datum) {
        let is_same = |kept: &&mut Datum| {
            kept.unit == Unit::Count
                && datum.unit == Unit::Count
                && kept.name == datum.name
                && kept.dimensions == datum.dimensions
        };
        match self.data.iter_mut().find(is_same) {
            Some(kept) => kept.value += datum.value,
            None => self.data.push(datum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datum(name: &str, value: f64, unit: Unit) -> Datum {
        let dimensions = vec![("Function".to_owned(), "collect".to_owned())];
        Datum { name: name.to_owned(), value, unit, dimensions }
    }

    fn values(data: &[Datum]) -> Vec<(&str, f64)> {
        data.iter().map(|datum| (datum.name.as_str(), datum.value)).collect()
    }

    #[test]
    fn calls_in_quick_succession_are_sent_together_and_a_lonely_one_at_once() {
        let gathered = Gathered::default();
        let start = Instant::now();
        let call = |count, millis, seconds| {
            let data = vec![
                datum("EventsAccepted", count, Unit::Count),
                datum("Duration", millis, Unit::Milliseconds),
            ];
            gathered.add(data, start + Duration::from_secs(seconds))
        };
        assert_eq!(values(&call(1.0, 5.0, 0)), [("EventsAccepted", 1.0), ("Duration", 5.0)]);
        assert!(call(2.0, 6.0, 1).is_empty());
        assert!(call(3.0, 7.0, 9).is_empty());
        let expected =
            [("EventsAccepted", 9.0), ("Duration", 6.0), ("Duration", 7.0), ("Duration", 8.0)];
        assert_eq!(values(&call(4.0, 8.0, 10)), expected);
        assert_eq!(values(&call(1.0, 9.0, 20)), [("EventsAccepted", 1.0), ("Duration", 9.0)]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let gathered = Gathered::default();
        let now = Instant::now();
        gathered.add(Vec::new(), now);
        let millis = || datum("Duration", 1.0, Unit::Milliseconds);
        for _ in 1..BATCH {
            assert!(gathered.add(vec![millis()], now).is_empty());
        }
        assert_eq!(gathered.add(vec![millis()], now).len(), BATCH);
    }
}
