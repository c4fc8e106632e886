//! Who was erased on request: what `erase` says and `validate` keeps to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::SourceObject;
use crate::privacy::Redelivery;

/// What stands in the place of a name, and of anything else that told who somebody was.
pub const ERASED_NAME: &str = "[erased]";
/// The top level that RFC 2606 keeps free for addresses that lead nowhere.
pub const ERASED_DOMAIN: &str = "erased.invalid";

/// What stands in the place of the address of a customer: it passes every rule about addresses.
pub fn erased_email(customer: impl std::fmt::Display) -> String {
    format!("erased-{customer}@{ERASED_DOMAIN}")
}

/// What `erased/customers.json` in the reports bucket holds: numbers and moments, no values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedCustomers {
    /// By customer number, when the erasure was last asked for.
    pub customers: BTreeMap<u64, DateTime<Utc>>,
}

impl ErasedCustomers {
    /// Adds those of another list; of two moments the later one counts.
    pub fn add(&mut self, other: &ErasedCustomers) {
        for (customer, asked_at) in &other.customers {
            let known = self.customers.entry(*customer).or_insert(*asked_at);
            *known = (*known).max(*asked_at);
        }
    }

    /// The customers that stay erased in the rows of `source`.
    pub fn in_source(&self, source: &SourceObject, redelivery: Redelivery) -> BTreeSet<u64> {
        let stays = |asked_at: DateTime<Utc>| match redelivery {
            Redelivery::StayErased => true,
            // A file of before may be uploaded or replayed later: both its moments count.
            Redelivery::Accept => source.modified_at.min(source.effective_at) <= asked_at,
        };
        let customers = self.customers.iter().filter(|(_, asked_at)| stays(**asked_at));
        customers.map(|(customer, _)| *customer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_delivered_anew_is_accepted_only_where_that_is_configured() {
        let at = |hour: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let source = |modified: i64, effective: i64| SourceObject {
            bucket: "landing".to_owned(),
            key: "incoming/customers/c.csv".to_owned(),
            version_id: "v1".to_owned(),
            bytes: 1,
            modified_at: at(modified),
            effective_at: at(effective),
        };
        let erased = ErasedCustomers { customers: BTreeMap::from([(7, at(10)), (8, at(30))]) };
        let stay = |source: SourceObject, redelivery| {
            Vec::from_iter(erased.in_source(&source, redelivery))
        };
        assert_eq!(stay(source(20, 20), Redelivery::StayErased), [7, 8]);
        assert_eq!(stay(source(20, 20), Redelivery::Accept), [8]);
        assert_eq!(stay(source(20, 5), Redelivery::Accept), [7, 8], "a replay of the past");
        assert_eq!(stay(source(10, 20), Redelivery::Accept), [7, 8]);
        let mut both = ErasedCustomers { customers: BTreeMap::from([(7, at(20)), (9, at(1))]) };
        both.add(&erased);
        assert_eq!(Vec::from_iter(both.customers), [(7, at(20)), (8, at(30)), (9, at(1))]);
        let text = serde_json::to_string(&erased).unwrap();
        assert_eq!(serde_json::from_str::<ErasedCustomers>(&text).unwrap(), erased);
        assert!(text.starts_with("{\"customers\":{\"7\":\"1970-01-01T10:00:00Z\""), "{text}");
    }
}
