//! Transaction snapshots: which transactions had ended at a moment.

use std::fmt;
use std::str::FromStr;

use shopflow_core::{Error, Result};

/// A `pg_snapshot`, such as `100:105:101,103`: transactions below the first number had ended, those
/// from the second on had not begun, and those in the list were at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmin: u64,
    xmax: u64,
    at_work: Vec<u64>,
}

impl Snapshot {
    /// True when the transaction had ended, and its changes were to be seen if it committed.
    /// `xid` is that of a transaction, not of a subtransaction: those are not in a snapshot.
    pub fn shows(&self, xid: u32) -> bool {
        let xid = self.full(xid);
        xid < self.xmin || (xid < self.xmax && self.at_work.binary_search(&xid).is_err())
    }

    /// True when the transaction, or the one it is part of, had ended together with all before it.
    /// A subtransaction is younger than its transaction, so this holds for both.
    pub fn is_below_horizon(&self, xid: u32) -> bool {
        self.full(xid) < self.xmin
    }

    /// Rows and messages carry the lower 32 bits of an identifier; those that can be met lie within
    /// two billion of the present. Below 3 are the special ones: bootstrap and frozen.
    fn full(&self, xid: u32) -> u64 {
        if xid < 3 {
            return 0;
        }
        let distance = xid.wrapping_sub(self.xmax as u32).cast_signed();
        self.xmax.saturating_add_signed(i64::from(distance))
    }
}

impl FromStr for Snapshot {
    type Err = Error;

    fn from_str(text: &str) -> Result<Snapshot> {
        let parse = || {
            let mut parts = text.split(':');
            let xmin = parts.next()?.parse().ok()?;
            let xmax = parts.next()?.parse().ok()?;
            let mut at_work = Vec::new();
            for xid in parts.next()?.split(',').filter(|xid| !xid.is_empty()) {
                at_work.push(xid.parse().ok()?);
            }
            at_work.sort_unstable();
            parts.next().is_none().then_some(Snapshot { xmin, xmax, at_work })
        };
        parse().ok_or_else(|| Error::internal("decode snapshot failed").with("snapshot", text))
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (index, xid) in self.at_work.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{xid}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_at_work_are_not_shown() {
        let snapshot: Snapshot = "100:105:103,101".parse().unwrap();
        assert_eq!(snapshot.to_string(), "100:105:101,103");
        let shown: Vec<u32> = (98..108).filter(|xid| snapshot.shows(*xid)).collect();
        assert_eq!(shown, [98, 99, 100, 102, 104]);
        let below: Vec<u32> = (98..108).filter(|xid| snapshot.is_below_horizon(*xid)).collect();
        assert_eq!(below, [98, 99]);
    }

    #[test]
    fn identifiers_are_compared_across_a_wrap() {
        // 2^32 + 10, with a transaction before the wrap still at work.
        let snapshot: Snapshot = "4294967290:4294967306:4294967290".parse().unwrap();
        assert!(!snapshot.shows(4_294_967_290));
        assert!(snapshot.shows(4_294_967_291));
        assert!(snapshot.shows(9) && !snapshot.shows(10));
        assert!(snapshot.is_below_horizon(4_294_967_289) && !snapshot.is_below_horizon(5));
        assert!(snapshot.shows(2), "a frozen row is older than any snapshot");
    }

    #[test]
    fn what_is_no_snapshot_is_refused() {
        for text in ["", "1", "1:2", "1:2:x", "1:2:3:4"] {
            assert!(text.parse::<Snapshot>().is_err(), "{text}");
        }
    }
}
