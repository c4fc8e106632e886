//! Events per second on one thread, from JSON to windows: all shipped definitions, no I/O.
//!
//! ```sh
//! cargo run --release -p shopflow-windows --example clicks_throughput -- 1000000
//! ```
//!
//! The number is that of events; they come at 5,000 a second of their own time, in batches of 10,000,
//! as a function is given them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde::de::IgnoredAny;
use shopflow_core::Settings;
use shopflow_windows::{Batch, Definition, Definitions, Fate, Reader, State, Steps, Visits};

const EVENTS_PER_SECOND: u64 = 5_000;
const BATCH: usize = 10_000;
const ROUNDS: usize = 3;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let lines = Lines::generate(count);
    println!("{count} events, {} MB", lines.text.len() / 1_000_000);
    let settings = Settings::from_sources("local", HashMap::new(), &[]).unwrap();
    let reader = Reader::new(&settings);
    let definitions = Definitions::built_in().unwrap();
    for _ in 0..ROUNDS {
        let (parsed, _) = timed(|| {
            for line in lines.iter() {
                serde_json::from_slice::<IgnoredAny>(line).unwrap();
            }
        });
        let (read, moments) = timed(|| {
            let moments = lines.iter().map(|line| reader.read(line).unwrap().timestamp);
            moments.fold(0, i64::max)
        });
        assert!(moments > 0);
        let (added, state) = timed(|| added(&lines, &reader, &definitions));
        let (closed, rows) = timed(|| rows(&state, &definitions));
        println!(
            "plain parse {}, reader {}, JSON to slices {}, JSON to windows {} ({rows} rows)",
            rate(count, parsed),
            rate(count, read),
            rate(count, added),
            rate(count, added + closed),
        );
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let made = work();
    (started.elapsed(), made)
}

fn rate(count: u64, time: Duration) -> String {
    format!("{:.2} M/s", count as f64 / time.as_secs_f64() / 1e6)
}

/// What a function keeps: slices and visits.
struct Kept {
    slices: BTreeMap<(usize, i64), State>,
    visits: Visits,
}

fn added(lines: &Lines, reader: &Reader, definitions: &Definitions) -> Kept {
    let visits = Visits::new(definitions.sessions.gap);
    let mut kept = Kept { slices: BTreeMap::new(), visits };
    for ends in lines.ends.chunks(BATCH) {
        let mut batch = Batch::new(definitions, None);
        for line in lines.of(ends) {
            let fate = batch.add(&reader.read(line).unwrap());
            assert!(matches!(fate, Fate::Applied { .. }));
        }
        let parts = batch.into_parts();
        for ((place, slice), state) in parts.slices {
            match kept.slices.entry((place, slice)) {
                Entry::Occupied(mut there) => {
                    there.get_mut().merge(&definitions.windows[place], &state);
                }
                Entry::Vacant(free) => {
                    free.insert(state);
                }
            }
        }
        kept.visits.merge(&parts.sessions);
    }
    kept
}

/// How many rows all windows and visits have; those of the windows are made.
fn rows(kept: &Kept, definitions: &Definitions) -> usize {
    let mut rows = kept.visits.iter().map(|(_, visits)| visits.len()).sum();
    for (place, definition) in definitions.windows.iter().enumerate() {
        let slices = kept.slices.range((place, i64::MIN)..=(place, i64::MAX));
        let slices: BTreeMap<i64, &State> =
            slices.map(|((_, slice), state)| (*slice, state)).collect();
        for (length, windows) in windows(definition, &slices) {
            let mut steps = Steps::new(definition, length);
            for (start, end) in windows {
                for (slice, state) in slices.range(steps.go_to(start..end)) {
                    steps.add(*slice, Cow::Borrowed(*state));
                }
                rows += steps.rows().len();
            }
        }
    }
    rows
}

/// The windows of all sizes, from the first slice to the one behind, by the length of their steps.
fn windows(
    definition: &Definition,
    slices: &BTreeMap<i64, &State>,
) -> BTreeMap<i64, BTreeSet<(i64, i64)>> {
    let mut windows: BTreeMap<i64, BTreeSet<(i64, i64)>> = BTreeMap::new();
    for window in &definition.windows {
        let starts = slices.keys().flat_map(|slice| window.starts_of(*slice));
        let ends = starts.map(|start| (start, window.end(start)));
        windows.entry(Steps::length(window)).or_default().extend(ends);
    }
    windows
}

/// Events, one behind the other.
struct Lines {
    text: Vec<u8>,
    /// Where each begins and ends.
    ends: Vec<(usize, usize)>,
}

impl Lines {
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.of(&self.ends)
    }

    fn of<'l>(&'l self, ends: &'l [(usize, usize)]) -> impl Iterator<Item = &'l [u8]> {
        ends.iter().map(move |(from, to)| &self.text[*from..*to])
    }

    /// A shop with visitors who come and go: 10 events each on average, 2,000 products of which some
    /// are much more popular.
    fn generate(count: u64) -> Lines {
        const TYPES: [&str; 20] = [
            "page_view",
            "page_view",
            "page_view",
            "page_view",
            "page_view",
            "page_view",
            "page_view",
            "search",
            "search",
            "product_view",
            "product_view",
            "product_view",
            "product_view",
            "product_view",
            "product_view",
            "product_view",
            "add_to_cart",
            "add_to_cart",
            "checkout",
            "purchase",
        ];
        const DEVICES: [&str; 3] = ["mobile", "desktop", "tablet"];
        const COUNTRIES: [&str; 8] = ["DE", "FR", "AT", "CH", "NL", "PL", "ES", "IT"];
        let mut random = Random(42);
        let mut visitors: Vec<(u64, u64)> = (0..5_000).map(|_| random.visitor()).collect();
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        for at in 0..count {
            let millis = at * 1_000 / EVENTS_PER_SECOND;
            let place = random.below(visitors.len() as u64) as usize;
            if random.below(10) == 0 {
                visitors[place] = random.visitor();
            }
            let (session, customer) = visitors[place];
            let event_type = TYPES[random.below(20) as usize];
            let has_product = matches!(event_type, "product_view" | "add_to_cart" | "purchase");
            let product = 1 + random.below(2_000) * random.below(2_000) / 2_000;
            let (high, low) = (random.word(), random.word());
            let from = text.len();
            write!(
                text,
                "{{\"event_id\":\"{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}\",\
                 \"session_id\":\"{session:016x}{:016x}\",",
                high >> 32,
                high >> 16 & 0xFFFF,
                high & 0xFFF,
                low >> 48 & 0xFFF,
                low & 0xFFFF_FFFF_FFFF,
                session.rotate_left(17),
            )
            .unwrap();
            match customer {
                0 => text.extend_from_slice(b"\"customer_id\":null,"),
                customer => write!(text, "\"customer_id\":{customer},").unwrap(),
            }
            write!(text, "\"event_type\":\"{event_type}\",").unwrap();
            if has_product {
                write!(text, "\"product_id\":{product},").unwrap();
            }
            write!(
                text,
                "\"url\":\"https://shop.example/products/{product}?ref=home\",\
                 \"referrer\":\"https://www.example.com/search\",\"device\":\"{}\",\
                 \"country\":\"{}\",\"timestamp\":\"2026-01-15T{:02}:{:02}:{:02}.{:03}Z\"",
                DEVICES[(session % 3) as usize],
                COUNTRIES[(session % 8) as usize],
                8 + millis / 3_600_000 % 12,
                millis / 60_000 % 60,
                millis / 1_000 % 60,
                millis % 1_000,
            )
            .unwrap();
            if event_type == "purchase" {
                write!(text, ",\"amount\":{}.{:02}", 5 + product % 90, product % 100).unwrap();
            }
            text.push(b'}');
            ends.push((from, text.len()));
            text.push(b'\n');
        }
        Lines { text, ends }
    }
}

/// A linear congruential generator, of which the high bits are used.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        let mut word = 0;
        for _ in 0..2 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            word = word << 32 | self.0 >> 32;
        }
        word
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.word() >> 32) % limit
    }

    /// A session, and the customer of every third one.
    fn visitor(&mut self) -> (u64, u64) {
        let session = self.word();
        (session, if session.is_multiple_of(3) { 1 + session % 100_000 } else { 0 })
    }
}
