//! How many events one address may send: a bucket of tokens for each, filled at a steady rate.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket holds what is filled in within so many seconds.
const BURST_SECONDS: u32 = 10;
/// Addresses that are remembered at least; twice as many at most.
const KEPT: usize = 10_000;

/// The buckets of one instance of the function.
#[derive(Debug)]
pub struct Limiter {
    /// Events a second.
    rate: f64,
    burst: f64,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    /// When it had so many.
    at: Instant,
}

/// Buckets in two generations. When the younger is full the older is forgotten, so that the memory is
/// bounded whoever sends, at the price of a full bucket for an address that was forgotten.
#[derive(Debug, Default)]
struct Buckets {
    younger: HashMap<u128, Bucket>,
    older: HashMap<u128, Bucket>,
}

impl Limiter {
    /// So many events a second, ten times that at once, and at least one request of the most events
    /// a request may have.
    pub fn new(events_per_second: u32, max_events: usize) -> Limiter {
        let rate = events_per_second.max(1);
        let burst = f64::from(rate.saturating_mul(BURST_SECONDS)).max(max_events as f64);
        Limiter { rate: f64::from(rate), burst, buckets: Mutex::default() }
    }

    /// Takes the tokens of so many events.
    ///
    /// # Errors
    /// How long it is until there are enough; none is taken then.
    pub fn take(&self, address: &str, events: usize, now: Instant) -> Result<(), Duration> {
        // Numbers are right whatever happened to the thread that held them.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.of(key(address), Bucket { tokens: self.burst, at: now });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.rate).min(self.burst);
        bucket.at = now;
        let wanted = events as f64;
        if bucket.tokens < wanted {
            return Err(Duration::from_secs_f64((wanted - bucket.tokens) / self.rate));
        }
        bucket.tokens -= wanted;
        Ok(())
    }

    /// How long it takes until there is a token for another event.
    pub fn time_of_one(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }
}

impl Buckets {
    fn of(&mut self, address: u128, full: Bucket) -> &mut Bucket {
        if self.younger.len() >= KEPT && !self.younger.contains_key(&address) {
            self.older = std::mem::take(&mut self.younger);
        }
        let older = &mut self.older;
        let bucket = self.younger.entry(address);
        bucket.or_insert_with(|| older.remove(&address).unwrap_or(full))
    }
}

/// Of IPv6 the network counts: a provider gives each customer 64 bits of addresses at least. Those who
/// have no address share a bucket.
fn key(address: &str) -> u128 {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => u128::from(address.to_ipv6_mapped()),
        Ok(IpAddr::V6(address)) => (u128::from(address) >> 64) << 64,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_taken_and_then_so_many_a_second() {
        let limiter = Limiter::new(5, 1);
        let start = Instant::now();
        let take = |events, now| limiter.take("192.0.2.7", events, now);
        assert_eq!(take(50, start), Ok(()));
        assert_eq!(take(1, start), Err(SECOND / 5));
        assert_eq!(take(5, start + SECOND), Ok(()));
        assert_eq!(take(10, start + SECOND), Err(2 * SECOND));
        assert_eq!(take(10, start + 3 * SECOND), Ok(()), "a refusal takes nothing");
        assert!(take(51, start + 1000 * SECOND).is_err(), "a bucket is full at some time");
        assert_eq!(limiter.time_of_one(), SECOND / 5);
    }

    #[test]
    fn a_request_of_the_most_events_is_possible_at_any_rate() {
        let limiter = Limiter::new(1, 500);
        assert_eq!(limiter.take("192.0.2.7", 500, Instant::now()), Ok(()));
    }

    #[test]
    fn addresses_have_buckets_of_their_own_and_networks_share_one() {
        let limiter = Limiter::new(1, 1);
        let now = Instant::now();
        let take = |address| limiter.take(address, 10, now).is_ok();
        assert!(take("192.0.2.7") && take("192.0.2.8"));
        assert!(!take("192.0.2.7") && !take("::ffff:192.0.2.7"));
        assert!(take("2001:db8:0:1::1") && !take("2001:db8:0:1:ffff::2"));
        assert!(take("2001:db8:0:2::1"));
        assert!(take("") && !take("nowhere"));
    }

    #[test]
    fn memory_is_bounded_and_who_sends_steadily_is_not_forgotten() {
        let limiter = Limiter::new(1, 1);
        let now = Instant::now();
        assert!(limiter.take("192.0.2.7", 10, now).is_ok());
        for number in 0..3 * KEPT {
            let address = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
            assert!(limiter.take(&address, 1, now).is_ok());
            if number % 1000 == 0 {
                assert!(limiter.take("192.0.2.7", 1, now).is_err());
            }
        }
        let buckets = limiter.buckets.lock().unwrap();
        assert!(buckets.younger.len() <= KEPT && buckets.older.len() <= KEPT);
    }
}
