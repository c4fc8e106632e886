//! Random schedules: events out of order, twice, late; batches that come again, in parts, twice at
//! once, or die; shards that lag. In the end windows and visits equal what plain maps say of the
//! distinct events that came in time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use shopflow_stream::{Context, Record};
use shopflow_testkit::wait::cut_off;

use crate::clicks::{Click, MINUTE, SECOND, START, record};
use crate::naive::{self, Judged, Visit, Windows};
use crate::world::World;

/// How many schedules are tried, unless the variable says otherwise.
const SCHEDULES: u64 = 60;
const VARIABLE: &str = "SHOPFLOW_STREAM_SCHEDULES";

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// A click on its way: when it arrives on which shard.
#[derive(Debug, Clone)]
struct Sent {
    click: Click,
    arrival: i64,
    record: Record,
}

/// The clicks of each shard in the order of their arrival.
fn sent(seed: u64, random: &mut Random) -> Vec<Vec<Sent>> {
    let shards = 1 + random.below(3);
    let sessions = 2 + random.below(5);
    let start = START + seed as i64 * 60 * MINUTE;
    let mut arrivals: Vec<(i64, u64, Click)> = Vec::new();
    for number in 0..30 + random.below(120) {
        let session = random.below(sessions);
        let types = ["page_view", "product_view", "add_to_cart", "purchase", "search"];
        let event_type = types[random.below(5) as usize];
        let click = Click {
            id: (u128::from(seed) << 32) | u128::from(number),
            session: format!("s{seed}-{session}"),
            event_type,
            product: random.percent(70).then(|| random.below(4)).map(|product| product + 1),
            customer: random.percent(30).then(|| random.below(5)).map(|customer| customer + 1),
            at: start + random.below(600 * SECOND as u64) as i64,
            cents: 1 + random.below(10_000) as i64,
        };
        let shard = if random.percent(80) { session % shards } else { random.below(shards) };
        let delay = match random.below(10) {
            0 => 30 + random.below(270),
            _ => random.below(25),
        };
        let arrival = click.at + (1 + delay as i64) * SECOND;
        if random.percent(10) {
            let again = arrival + random.below(90) as i64 * SECOND;
            arrivals.push((again, random.below(shards), click.clone()));
        }
        arrivals.push((arrival, shard, click));
    }
    arrivals.sort_by_key(|(arrival, _, click)| (*arrival, click.id));
    let mut lists = vec![Vec::new(); shards as usize];
    for (number, (arrival, shard, click)) in (1..).zip(arrivals) {
        let name = format!("shardId-{shard:012}");
        let record = record(&name, seed * 1_000_000 + number, arrival, click.json());
        lists[shard as usize].push(Sent { click, arrival, record });
    }
    lists
}

struct Schedule<'w> {
    world: &'w World,
    seed: u64,
    stream: String,
    context: Context,
    random: Random,
    judged: Vec<Judged>,
    known: BTreeSet<u128>,
}

impl Schedule<'_> {
    async fn other(&self) -> Context {
        let stream = self.stream.clone();
        self.world.other(|settings| settings.stream.name = Some(stream)).await
    }

    async fn watermark(&self) -> Option<i64> {
        let sql = "SELECT watermark FROM stream.progress WHERE stream = $1";
        let row = self.world.sql.query_opt(sql, &[&self.stream]).await.unwrap()?;
        row.get::<_, Option<DateTime<Utc>>>(0).map(|moment| moment.timestamp_micros())
    }

    /// Notes what counts of these, which come for the first time; how many of them do.
    async fn judge(&mut self, sent: &[Sent]) -> u64 {
        let watermark = self.watermark().await;
        let before = self.judged.len();
        for Sent { click, .. } in sent {
            if self.known.contains(&click.id) {
                continue;
            }
            if let Some(judged) = Judged::of(click, watermark) {
                self.known.insert(click.id);
                self.judged.push(judged);
            }
        }
        (self.judged.len() - before) as u64
    }

    /// Delivers the next records of a shard, perhaps with some that came before.
    async fn deliver(&mut self, list: &[Sent], from: usize, to: usize) {
        let applied = self.judge(&list[from..to]).await;
        let again = if self.random.percent(25) { self.random.below(10) as usize } else { 0 };
        let batch: Vec<Record> =
            list[from.saturating_sub(again)..to].iter().map(|sent| sent.record.clone()).collect();
        let world = self.world;
        let found = match self.random.below(10) {
            0 => {
                let (one, two) = (self.other().await, self.other().await);
                let (one, two) = tokio::join!(
                    world.batch_at_last(&one, &batch),
                    world.batch_at_last(&two, &batch)
                );
                Some(one.events.applied + two.events.applied)
            }
            1 | 2 => {
                let steps = 1 + self.random.below(150) as u32;
                let dies = self.other().await;
                // It may be in effect or not, and nobody knows.
                let _ = cut_off(world.try_batch(&dies, &batch), steps).await;
                world.batch_at_last(&self.context, &batch).await;
                None
            }
            _ => Some(world.batch_at_last(&self.context, &batch).await.events.applied),
        };
        if let Some(found) = found {
            assert_eq!(found, applied, "seed {}", self.seed);
        }
    }

    async fn run(&mut self) {
        let lists = sent(self.seed, &mut self.random);
        let mut places = vec![0; lists.len()];
        loop {
            let left = |shard: &usize| places[*shard] < lists[*shard].len();
            let mut open: Vec<usize> = (0..lists.len()).filter(left).collect();
            if open.is_empty() {
                break;
            }
            // Mostly the records that arrived first; sometimes a shard lags.
            open.sort_by_key(|shard| lists[*shard][places[*shard]].arrival);
            let pick =
                if self.random.percent(70) { 0 } else { self.random.below(open.len() as u64) };
            let shard = open[pick as usize];
            let from = places[shard];
            let to = (from + 1 + self.random.below(25) as usize).min(lists[shard].len());
            self.deliver(&lists[shard], from, to).await;
            places[shard] = to;
            if self.random.percent(20) {
                self.world.try_tick(&self.context).await.unwrap();
            }
        }
        let end = (self.world.now() - START) / SECOND;
        for minute in 1..=12 {
            self.world.at(end + minute * 60);
            self.world.try_tick(&self.context).await.unwrap();
        }
    }

    async fn windows(&self) -> Windows {
        let sql = "SELECT definition, window_name, window_start, key, figures, is_final \
                   FROM stream.windows WHERE stream = $1";
        let rows = self.world.sql.query(sql, &[&self.stream]).await.unwrap();
        let mut windows = BTreeMap::new();
        for row in rows {
            let start = row.get::<_, DateTime<Utc>>(2).timestamp_micros();
            let key = naive::canonical(&row.get::<_, Value>(3));
            let figures = naive::canonical(&row.get::<_, Value>(4));
            assert!(row.get::<_, bool>(5), "seed {}: all windows are final", self.seed);
            windows.insert((row.get(0), row.get(1), start, key), figures);
        }
        windows
    }

    async fn visits(&self) -> Vec<Visit> {
        let sql = "SELECT session_id, started_at, ended_at, events, product_views, carts, \
                       purchases, (revenue * 100)::bigint, customer_id, is_final \
                   FROM stream.sessions WHERE stream = $1 \
                   ORDER BY session_id COLLATE \"C\", started_at";
        let rows = self.world.sql.query(sql, &[&self.stream]).await.unwrap();
        let visit = |row: &tokio_postgres::Row| {
            assert!(row.get::<_, bool>(9), "seed {}: all visits are final", self.seed);
            let moment = |at: usize| row.get::<_, DateTime<Utc>>(at).timestamp_micros();
            let count = |at: usize| i64::from(row.get::<_, i32>(at));
            let counts = [count(3), count(4), count(5), count(6), row.get(7)];
            (row.get(0), moment(1), moment(2), counts, row.get(8))
        };
        rows.iter().map(visit).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_the_result_is_that_of_the_distinct_events_in_time() {
    let schedules = std::env::var(VARIABLE).ok().map(|number| number.parse().unwrap());
    let world = World::new().await;
    for seed in 0..schedules.unwrap_or(SCHEDULES) {
        let stream = format!("clicks-{seed}");
        let name = stream.clone();
        let mut schedule = Schedule {
            world: &world,
            seed,
            context: world.other(|settings| settings.stream.name = Some(name)).await,
            stream,
            random: Random(seed),
            judged: Vec::new(),
            known: BTreeSet::new(),
        };
        schedule.run().await;
        assert_eq!(schedule.windows().await, naive::windows(&schedule.judged), "seed {seed}");
        assert_eq!(schedule.visits().await, naive::visits(&schedule.judged), "seed {seed}");
        let ledger = "SELECT count(*) FROM stream.shards \
                      WHERE received <> applied + repeated + duplicates + refused + too_late + future";
        assert_eq!(world.number(ledger).await, 0);
        let left = "SELECT count(*) FROM stream.open_sessions";
        assert_eq!(world.number(left).await, 0, "seed {seed}");
    }
}
