//! How far a stream is: the moment before which no event is expected any more.

use std::time::Duration;

use crate::window::{Micros, micros};

/// Under this name stands what shards have counted that are gone. No shard is called so.
pub const GONE: &str = "gone";

/// What is known of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// The latest accepted event less the time by which events may be out of order.
    pub watermark: Micros,
    /// When the stream received the shard's last record.
    pub last_arrival: Micros,
}

/// The watermark of a stream: the smallest of its active shards. A shard that has brought nothing for
/// longer than `idle` holds nobody up. When all are idle, the watermark follows the clock, `idle` and
/// `out_of_order` behind. It never goes back below the one `before`; without shards it stays there.
pub fn of_stream(
    shards: &[Shard],
    now: Micros,
    idle: Duration,
    out_of_order: Duration,
    before: Option<Micros>,
) -> Option<Micros> {
    let is_active = |shard: &&Shard| now.saturating_sub(shard.last_arrival) <= micros(idle);
    let active = shards.iter().filter(is_active).map(|shard| shard.watermark).min();
    let found = active.or_else(|| {
        let clock = now.saturating_sub(micros(idle)).saturating_sub(micros(out_of_order));
        shards.iter().map(|shard| shard.watermark.max(clock)).max()
    });
    // Nothing is less than something.
    found.max(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn of(shards: &[(i64, i64)], now: i64, before: Option<i64>) -> Option<i64> {
        let shards: Vec<Shard> = shards
            .iter()
            .map(|(watermark, last_arrival)| Shard {
                watermark: watermark * SECOND,
                last_arrival: last_arrival * SECOND,
            })
            .collect();
        let (idle, out_of_order) = (Duration::from_secs(60), Duration::from_secs(30));
        let before = before.map(|before| before * SECOND);
        let found = of_stream(&shards, now * SECOND, idle, out_of_order, before);
        found.map(|found| found / SECOND)
    }

    #[test]
    fn the_slowest_active_shard_decides() {
        assert_eq!(of(&[(70, 100), (40, 101)], 110, None), Some(40));
    }

    #[test]
    fn an_idle_shard_holds_nobody_up() {
        assert_eq!(of(&[(70, 100), (40, 30)], 90, None), Some(40));
        assert_eq!(of(&[(70, 100), (40, 30)], 91, None), Some(70));
    }

    #[test]
    fn when_all_are_idle_the_watermark_follows_the_clock() {
        assert_eq!(of(&[(70, 100), (40, 30)], 161, None), Some(71));
        assert_eq!(of(&[(70, 100), (40, 30)], 1000, None), Some(910));
        // Events that were ahead of the clock are not taken back.
        assert_eq!(of(&[(700, 100)], 200, None), Some(700));
    }

    #[test]
    fn it_never_goes_back() {
        assert_eq!(of(&[(40, 100)], 100, Some(50)), Some(50));
        assert_eq!(of(&[(60, 100)], 100, Some(50)), Some(60));
        assert_eq!(of(&[], 100, Some(50)), Some(50));
        assert_eq!(of(&[], 100, None), None);
    }
}
