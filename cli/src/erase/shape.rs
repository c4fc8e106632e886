//! What the text objects of the landing and the reports bucket hold, by their keys.

use shopflow_core::Dataset;

/// What the records of an object are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// CSV of customers under a header, as it was uploaded.
    Customers,
    /// The same as `validate` passed it on: numbers stand for keys.
    Validated,
    /// Refused rows of customers, each a field of a record.
    Quarantine,
    /// Lines of anything.
    Text,
}

impl Shape {
    /// The shape of an object of the landing or the reports bucket.
    pub fn of(key: &str) -> Shape {
        let customers = key.split('/').any(|part| part == Dataset::Customers.name());
        match key.split('/').next() {
            Some("quarantine") if customers && key.ends_with(".csv") => Shape::Quarantine,
            // Whatever a user calls it, the folder says what an upload holds.
            Some("incoming") if customers => Shape::Customers,
            Some("validated" | "raw") if customers && key.ends_with(".csv") => Shape::Validated,
            _ => Shape::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_follows_from_the_key() {
        for (key, shape) in [
            ("incoming/customers/2026/c.csv", Shape::Customers),
            ("incoming/customers/export", Shape::Customers),
            ("validated/customers/run_id=r/ab.csv", Shape::Validated),
            ("raw/year=2026/month=01/day=15/customers/r-00000.csv", Shape::Validated),
            ("raw/year=2026/month=01/day=15/_manifest/r.json", Shape::Text),
            ("quarantine/customers/run_id=r/ab.csv", Shape::Quarantine),
            ("quarantine/customers/run_id=r/ab/replays/x.json", Shape::Text),
            ("incoming/clickstream/c.jsonl", Shape::Text),
        ] {
            assert_eq!(Shape::of(key), shape, "{key}");
        }
    }
}
