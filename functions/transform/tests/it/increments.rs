//! Any sequence of increments gives the same gold, byte for byte, as a full rebuild, and the same
//! aggregates as everything at once.

use chrono::Duration;
use shopflow_lake::Layout;
use uuid::Uuid;

use crate::common::answers::{answers, answers_agree};
use crate::common::{Customer, Event, Own, Product, Rate, Sale, Shop, Source, at, source};
use crate::dice::Dice;

/// What one file brings.
enum Batch {
    Products(Source, Vec<(Product, Option<i64>)>),
    Rates(Source, Vec<Rate>),
    Customers(Source, Vec<Customer>),
    Sales(Source, Vec<(Sale, Own)>),
    Events(Source, Vec<Event>),
}

async fn send(shop: &Shop, batch: &Batch) {
    match batch {
        Batch::Products(from, rows) => shop.products_with(from, rows).await,
        Batch::Rates(from, rows) => shop.rates(from, rows).await,
        Batch::Customers(from, rows) => shop.customers(from, rows).await,
        Batch::Sales(from, rows) => shop.sales_with(from, rows).await,
        Batch::Events(from, rows) => shop.events(from, rows).await,
    }
}

/// Batches of sources in any order of time: late ones, moved sales, events before the start of a
/// session that is known already, events of customers nobody knows yet, guests, returns, sales at
/// prices of their own or in another currency, postage; rates that come before and after them; and
/// customers and products of whom not all is known.
fn batches(dice: &mut Dice, run: &str) -> Vec<Batch> {
    let mut batches = Vec::new();
    for part in 0..1 + dice.roll(4) as u32 {
        let mut from = source(run, part, "2026-03-20");
        from.effective_at += Duration::hours(7 * dice.roll(60));
        batches.push(match dice.roll(6) {
            0 => {
                let supplier = dice.pick(&["Acme", ""]);
                let product =
                    Product(1 + dice.roll(4), "Thing", "toys", 100 + dice.roll(3), supplier);
                let cost = dice.pick(&[None, Some(7_000), Some(12_345)]);
                Batch::Products(from, vec![(product, cost)])
            }
            1 => {
                // An empty one is missing.
                let country = dice.pick(&["DE", "FR", "US", ""]);
                let (email, since) = dice.pick(&[("a@b.org", "2020-01-01"), ("", "")]);
                let id = 1 + dice.roll(5);
                Batch::Customers(from, vec![Customer(id, "Ada", email, since, country)])
            }
            2 => {
                let mut events: Vec<Event> = Vec::new();
                for _ in 0..12 {
                    let number = dice.roll(150);
                    if events.iter().any(|event| event.id == Uuid::from_u128(number as u128)) {
                        continue;
                    }
                    events.push(event(dice, number));
                }
                Batch::Events(from, events)
            }
            3 => {
                let day = dice.pick(&["2026-03-20", "2026-03-27", "2026-03-31", "2026-04-02"]);
                let rate = dice.pick(&[125_000_000, 110_300_000, 90_000_000]);
                Batch::Rates(from, vec![Rate(day, "USD", rate)])
            }
            _ => {
                let mut sales: Vec<(Sale, Own)> = Vec::new();
                for _ in 0..10 {
                    let id = 1 + dice.roll(60);
                    if sales.iter().any(|(sale, _)| sale.0 == id) {
                        continue;
                    }
                    let moment = at("2026-03-25") + Duration::minutes(37 * dice.roll(400));
                    let (customer, product) = (1 + dice.roll(6), 1 + dice.roll(5));
                    let quantity = dice.pick(&[1, 1, 2, -1]);
                    let own = Own::random(dice);
                    sales.push((Sale(id, customer, product, quantity, moment), own));
                }
                Batch::Sales(from, sales)
            }
        });
    }
    batches
}

/// Event `number`: always of the same session and moment, which are a property of the event.
fn event(dice: &mut Dice, number: i64) -> Event {
    let session = number % 17;
    let start = at("2026-03-28T18:00:00Z") + Duration::hours(5 * session);
    let kind = dice.pick(&["page_view", "product_view", "add_to_cart", "purchase"]);
    let url = if kind == "purchase" {
        format!("https://shop.example/orders/{number}")
    } else {
        "https://shop.example/".to_owned()
    };
    Event {
        id: Uuid::from_u128(number as u128),
        session: format!("s-{session}"),
        customer: (session % 3 > 0).then_some(session % 8 + 1),
        kind,
        url,
        at: start + Duration::minutes(53 * (number / 17)),
    }
}

/// What readers see besides the bookkeeping.
const PUBLISHED: [&str; 7] = [
    "SELECT * FROM warehouse.daily_sales ORDER BY 1",
    "SELECT * FROM warehouse.weekly_sales ORDER BY 1",
    "SELECT * FROM warehouse.monthly_sales ORDER BY 1",
    "SELECT * FROM warehouse.product_sales ORDER BY 1",
    "SELECT * FROM warehouse.customer_lifetime_value ORDER BY 1",
    "SELECT * FROM warehouse.fact_sales ORDER BY transaction_id",
    "SELECT * FROM warehouse.fact_sessions ORDER BY session_id",
];

async fn published(shop: &Shop) -> Vec<Vec<String>> {
    let mut tables = Vec::new();
    for sql in PUBLISHED {
        tables.push(shop.query(sql).await);
    }
    tables.extend(answers(shop).await);
    tables
}

async fn play(seed: u64, zone: &str, layout: Layout) {
    let (mut shop, at_once) = (Shop::in_zone(zone).await, Shop::in_zone(zone).await);
    shop.context.layout = layout;
    let mut dice = Dice(seed);
    let mut sent = Vec::new();
    for step in 0..7 {
        // Some runs need several calls.
        shop.context.rows_per_call = [1_000_000, 25, 6][step % 3];
        let run = format!("r{step}");
        for batch in batches(&mut dice, &run) {
            send(&shop, &batch).await;
            sent.push(batch);
        }
        shop.transform(&run).await.unwrap();
    }
    let (gold, tables) = (shop.files("gold/").await, published(&shop).await);
    answers_agree(&shop, &format!("seed {seed}")).await;
    let objects = shop.objects("").await;
    shop.transform("r6").await.unwrap();
    shop.transform("idle").await.unwrap();
    assert!(shop.objects("").await == objects, "seed {seed}: a repeated call wrote");

    shop.run("full", true).await.unwrap();
    let rebuilt = shop.files("gold/").await;
    let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<String> {
        files.keys().cloned().collect()
    };
    assert_eq!(names(&gold), names(&rebuilt), "seed {seed}");
    assert!(gold == rebuilt, "seed {seed}: the names are the same, the bytes are not");
    assert_eq!(tables, published(&shop).await, "seed {seed}");

    // Files are named after their content, which holds no surrogate key in the aggregates.
    for batch in &sent {
        send(&at_once, batch).await;
    }
    at_once.transform("all").await.unwrap();
    let aggregates = |files: Vec<String>| -> Vec<String> {
        files.into_iter().filter(|key| !key.contains("/dim_") && !key.contains("/fact_")).collect()
    };
    let whole = at_once.files("gold/").await;
    assert_eq!(aggregates(names(&gold)), aggregates(names(&whole)), "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_in_any_order_give_the_bytes_of_a_full_rebuild() {
    // Months in one file, in several, cut by day once they have grown, and by day from the start.
    let layout = |month_bytes, file_bytes| Layout { month_bytes, file_bytes };
    for (seed, zone, layout) in [
        (11, "UTC", layout(32 << 20, 4 << 20)),
        (12, "Europe/Berlin", layout(32 << 20, 1)),
        (13, "America/New_York", layout(20_000, 6_000)),
        (14, "UTC", layout(20_000, 1)),
        (15, "Asia/Kolkata", layout(1, 1)),
    ] {
        play(seed, zone, layout).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_larger_than_the_memory_is_merged_in_slices() {
    let (small, large) = (Shop::open().await, Shop::open().await);
    let mut dice = Dice(5);
    for step in 0..5 {
        for batch in batches(&mut dice, &format!("r{step}")) {
            send(&small, &batch).await;
            send(&large, &batch).await;
        }
    }
    // As if each file were so large that it fills a slice.
    let huge = "UPDATE ops.lake_queue SET entry = jsonb_set(entry, '{bronze,bytes}', '1000000000')";
    small.client.batch_execute(huge).await.unwrap();
    let (one, other) = (small.transform("t").await.unwrap(), large.transform("t").await.unwrap());
    assert_eq!(one.gold, other.gold);
    assert!(small.files("silver/").await.len() > 3);
    assert_eq!(published(&small).await, published(&large).await);
}
