//! Rows per second on one thread, from sales to the rows of views: no I/O.
//!
//! ```sh
//! cargo run --release -p shopflow-features --example history_throughput -- 1000000 "1 view"
//! ```
//!
//! The number is that of customers, the text a part of what is measured, without it all. Customers have five sales each on average, over two years. The shop
//! knows a sale one day after it, as is assumed of sales before the first load.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use shopflow_features::aggregate::{Aggregate, Cell, History, Horizon, Plan, SourceRows};
use shopflow_features::{
    AggregateOf, Aggregated, ColumnType, Entity, Feature, FeatureKind, Micros, PersonalData,
    Source, SourceColumn, Type, Value, View, ViewKind,
};

const DAY: Micros = 86_400_000_000;
const DAYS: i64 = 730;
const CATEGORIES: usize = 32;
/// Customers that are made at a time, outside of the measured time.
const CHUNK: usize = 10_000;
/// Rows of a view that are taken at a time.
const TAKEN: usize = 50_000;

const AMOUNT: usize = 0;
const UNITS: usize = 1;
const IS_PURCHASE: usize = 2;
const CATEGORY: usize = 3;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let customers: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let part = arguments.next().unwrap_or_default();
    let one = [view("all", None, 30)];
    let by_category: Vec<_> =
        (0..CATEGORIES).map(|number| view("category", Some(number), 30)).collect();
    let by_window: Vec<_> = (1..=32).map(|number| view("window", None, 3 * number)).collect();
    let copies = vec![view("all", None, 30); 32];
    let full = Horizon { since: None, until: DAYS * DAY };
    let increment = Horizon { since: Some(DAYS * DAY), until: (DAYS + 1) * DAY };
    for (name, views) in [
        ("1 view", &one[..]),
        ("32 views, each of a category", &by_category),
        ("32 views with the same features", &copies),
        ("32 views, each with other windows", &by_window),
    ] {
        if !name.contains(&part) {
            continue;
        }
        let measured = [full, increment].map(|horizon| measure(customers, views, horizon));
        for (kind, Measured { time, sales, rows }) in ["full", "next day"].iter().zip(measured) {
            println!(
                "{name}, {kind}: {sales} sales, {rows} rows in {:.2} s: {} sales, {} rows",
                time.as_secs_f64(),
                rate(sales, time),
                rate(rows, time),
            );
        }
    }
}

fn rate(count: usize, time: Duration) -> String {
    format!("{:.2} M/s", count as f64 / time.as_secs_f64() / 1e6)
}

struct Measured {
    time: Duration,
    sales: usize,
    rows: usize,
}

fn measure(customers: usize, views: &[View], horizon: Horizon) -> Measured {
    let views: Vec<_> = views.iter().collect();
    let plan = Plan::new(&entity(), &source(), &views).unwrap();
    let mut history = History::new(&plan, horizon);
    let mut rows = SourceRows::new(&plan);
    let categories: Vec<_> = (0..CATEGORIES).map(category).collect();
    let mut measured = Measured { time: Duration::ZERO, sales: 0, rows: 0 };
    for first in (0..customers).step_by(CHUNK) {
        let sales: Vec<_> = (first..customers.min(first + CHUNK)).map(sales_of).collect();
        let started = Instant::now();
        for (customer, sales) in (first..).zip(&sales) {
            rows.clear();
            for sale in sales {
                let mut cells = [Cell::Null; 4];
                cells[AMOUNT] = Cell::Int64(sale.cents);
                cells[UNITS] = Cell::Int64(sale.units);
                cells[IS_PURCHASE] = Cell::Boolean(sale.units > 0);
                cells[CATEGORY] = Cell::Text(&categories[sale.category]);
                rows.push(sale.at, sale.at + DAY, None, &cells).unwrap();
            }
            measured.sales += rows.len();
            history.add(&[Value::Int64(customer as i64)], &mut rows).unwrap();
            if customer % 1_000 == 0 {
                measured.rows += taken(&mut history, TAKEN);
            }
        }
        measured.time += started.elapsed();
    }
    let started = Instant::now();
    measured.rows += taken(&mut history, 1);
    measured.time += started.elapsed();
    measured
}

fn taken(history: &mut History<'_>, at_least: usize) -> usize {
    history.take(at_least).unwrap().iter().map(|(_, batch)| batch.num_rows()).sum()
}

struct Sale {
    at: Micros,
    cents: i64,
    units: i64,
    category: usize,
}

/// Up to ten sales in order; one customer in a hundred bought something on the day that the increment
/// learns of.
fn sales_of(customer: usize) -> Vec<Sale> {
    let mut random = Random(customer as u64);
    let count = random.below(11);
    let mut moments: Vec<_> =
        (0..count).map(|_| random.below((DAYS - 1) as u64 * DAY as u64) as i64).collect();
    if customer.is_multiple_of(100) {
        moments.push((DAYS - 1) * DAY + random.below(DAY as u64) as i64);
    }
    moments.sort_unstable();
    let sale = |at| Sale {
        at,
        cents: random.below(20_000) as i64,
        units: if random.below(20) == 0 { -1 } else { 1 },
        category: random.below(CATEGORIES as u64) as usize,
    };
    moments.into_iter().map(sale).collect()
}

fn category(number: usize) -> String {
    format!("category {number}")
}

/// Six features, over windows of so many days, three times as many, and ever.
fn view(name: &str, category_number: Option<usize>, days: i64) -> View {
    let purchase = (IS_PURCHASE, vec![Value::Boolean(true)]);
    let of_category = category_number.map(|it| (CATEGORY, vec![Value::Text(category(it))]));
    let feature = |name: &str, kind, aggregate, column, is_filtered: bool, days: Option<i64>| {
        let filter = is_filtered.then(|| purchase.clone()).into_iter().chain(of_category.clone());
        Feature {
            name: String::from(name),
            description: String::new(),
            kind,
            personal_data: PersonalData::Pseudonymous,
            made: FeatureKind::Aggregate(AggregateOf {
                aggregate,
                column,
                filter: filter.collect(),
                window: days.map(|days| days * DAY),
            }),
        }
    };
    let (short, long) = (Some(days), Some(3 * days));
    View {
        name: String::from(name),
        version: String::new(),
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        entity: String::from("customer"),
        ttl: None,
        kind: ViewKind::Aggregated(Aggregated { source: String::from("sales"), tile: DAY }),
        features: vec![
            feature("purchases", Type::Int64, Aggregate::Count, None, true, short),
            feature("revenue", Type::Float64, Aggregate::Sum, Some(AMOUNT), false, short),
            feature("long_revenue", Type::Float64, Aggregate::Sum, Some(AMOUNT), false, long),
            feature("mean_amount", Type::Float64, Aggregate::Mean, Some(AMOUNT), true, long),
            feature("last_purchase_at", Type::Timestamp, Aggregate::Last, None, true, None),
            feature(
                "categories",
                Type::Int64,
                Aggregate::CountDistinct,
                Some(CATEGORY),
                true,
                None,
            ),
        ],
    }
}

fn entity() -> Entity {
    Entity {
        name: String::from("customer"),
        description: String::new(),
        keys: vec![(String::from("customer_id"), Type::Int64)],
    }
}

fn source() -> Source {
    let columns = [
        ("amount", ColumnType::Money),
        ("units", ColumnType::Plain(Type::Int64)),
        ("is_purchase", ColumnType::Plain(Type::Boolean)),
        ("category", ColumnType::Plain(Type::Text)),
    ];
    let columns = columns.map(|(name, kind)| SourceColumn { name: String::from(name), kind });
    Source {
        name: String::from("sales"),
        description: String::new(),
        sql: String::new(),
        columns: columns.to_vec(),
        reads: Vec::new(),
    }
}

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        // The upper half of the product: nearly even.
        ((u128::from(word) * u128::from(bound)) >> 64) as u64
    }
}
