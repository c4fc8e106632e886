//! Up to when rows are made.

use crate::Micros;

/// Which rows are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Only those that became known after this moment; `None`: all.
    pub since: Option<Micros>,
    /// And at this one at the latest. What the source learned later does not count.
    pub until: Micros,
}
