//! Sessions of the clickstream against what they must be.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use shopflow_query::FileCache;
use shopflow_transform::incoming::pending::{self, Pending, Queue};
use shopflow_transform::lock::LockedSession;
use shopflow_transform::silver;
use uuid::Uuid;

use crate::common::{Customer, Event, Shop, at, source};

fn event(id: u128, session: &str, kind: &'static str, moment: &str) -> Event {
    let url = match kind {
        "purchase" => "https://shop.example/orders/77".to_owned(),
        _ => "https://shop.example/".to_owned(),
    };
    Event {
        id: Uuid::from_u128(id),
        session: session.to_owned(),
        customer: Some(1),
        kind,
        url,
        at: at(moment),
    }
}

const SESSIONS: &str = "
SELECT session_id, date_key, end_date_key, duration_seconds AS seconds, events, page_views AS pages,
       product_views AS products, cart_adds AS carts, is_purchase AS bought, transaction_id AS sale
FROM warehouse.fact_sessions ORDER BY session_id";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_over_midnight_is_one_and_late_events_extend_it() {
    let shop = Shop::open().await;
    let first = [
        event(1, "a", "product_view", "2026-01-31T23:50:00Z"),
        event(2, "a", "add_to_cart", "2026-01-31T23:59:00Z"),
        event(3, "b", "page_view", "2026-02-01T08:00:00Z"),
    ];
    shop.events(&source("r1", 0, "2026-02-01"), &first).await;
    shop.transform("r1").await.unwrap();
    let written = "SELECT xmin::text FROM warehouse.fact_sessions WHERE session_id = 'b'";
    let before = shop.query(written).await;
    let late = [event(4, "a", "purchase", "2026-02-01T00:05:00Z")];
    shop.events(&source("r2", 0, "2026-02-02"), &late).await;
    shop.transform("r2").await.unwrap();
    assert_eq!(shop.query(written).await, before, "what comes out the same is not written again");
    let b = r#"{"session_id":"b","date_key":20260201,"end_date_key":20260201,"seconds":0,"events":1,"pages":1,"products":0,"carts":0,"bought":false,"sale":null}"#;
    assert_eq!(
        shop.query(SESSIONS).await,
        [
            r#"{"session_id":"a","date_key":20260131,"end_date_key":20260201,"seconds":900,"events":3,"pages":0,"products":1,"carts":1,"bought":true,"sale":77}"#,
            b,
        ]
    );
    // An event of two months before moves the whole session there.
    let earliest = [event(5, "a", "page_view", "2025-12-31T23:00:00Z")];
    shop.events(&source("r3", 0, "2026-02-03"), &earliest).await;
    let result = shop.transform("r3").await.unwrap();
    assert_eq!(
        shop.query(SESSIONS).await,
        [
            r#"{"session_id":"a","date_key":20251231,"end_date_key":20260201,"seconds":2682300,"events":4,"pages":1,"products":1,"carts":1,"bought":true,"sale":77}"#,
            b,
        ]
    );
    assert!(result.gold.iter().any(|table| table.table == "fact_sessions" && table.rows == 2));
    let parts = "SELECT count(*) FROM warehouse.fact_sessions_default";
    assert_eq!(shop.number(parts).await, "0", "every month has a partition");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_the_customer_of_its_start_once_the_shop_knows_him() {
    let shop = Shop::open().await;
    shop.events(
        &source("r1", 0, "2026-01-20"),
        &[
            event(1, "a", "page_view", "2026-01-05T10:00:00Z"),
            event(2, "b", "page_view", "2026-01-15T10:00:00Z"),
        ],
    )
    .await;
    shop.transform("r1").await.unwrap();
    let countries = "SELECT s.session_id, c.country FROM warehouse.fact_sessions AS s
                     LEFT JOIN warehouse.dim_customer AS c USING (customer_key) ORDER BY 1";
    assert_eq!(
        shop.query(countries).await,
        [r#"{"session_id":"a","country":null}"#, r#"{"session_id":"b","country":null}"#]
    );
    let ada = |country| [Customer(1, "Ada", "a@b.org", "2020-01-01", country)];
    shop.customers(&source("r2", 0, "2026-01-01"), &ada("DE")).await;
    shop.transform("r2").await.unwrap();
    assert_eq!(
        shop.query(countries).await,
        [r#"{"session_id":"a","country":"DE"}"#, r#"{"session_id":"b","country":"DE"}"#]
    );
    // She moved between the two sessions, which arrives late.
    shop.customers(&source("r3", 0, "2026-01-10"), &ada("FR")).await;
    shop.transform("r3").await.unwrap();
    assert_eq!(
        shop.query(countries).await,
        [r#"{"session_id":"a","country":"DE"}"#, r#"{"session_id":"b","country":"FR"}"#]
    );
    assert_eq!(shop.number("SELECT count(*) FROM ops.dirty_sessions").await, "0");
    let gold = shop.files("gold/fact_sessions/").await;
    shop.run("full", true).await.unwrap();
    assert_eq!(shop.files("gold/fact_sessions/").await, gold);
}

/// Merges what waits into silver and ends there, as a call that is killed. The days whose sessions
/// are to be computed: those that changed now, and those an earlier call may have changed.
async fn die_after_silver(shop: &Shop) -> (BTreeSet<NaiveDate>, BTreeSet<NaiveDate>) {
    let mut session =
        LockedSession::lock(&shop.context.database, Duration::from_secs(60)).await.unwrap();
    let fresh = pending::take(session.client(), Queue::All, u64::MAX).await.unwrap();
    let snapshot = pending::snapshot(session.client()).await.unwrap();
    let pending = Pending::read(&snapshot, &fresh, false, u64::MAX).await.unwrap();
    let all = 0..pending.files.len();
    let merge = silver::Merge::prepare(&shop.context, &snapshot, &pending, all).await.unwrap();
    let mut counts = silver::counts(&pending);
    let cache = FileCache::new(1 << 20);
    let changed = merge.write(&shop.context, &cache, &mut counts).await.unwrap();
    (changed, merge.unsettled_click_dates(&pending).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_reached_silver_before_a_crash_still_reach_their_session() {
    let shop = Shop::open().await;
    let day = BTreeSet::from([NaiveDate::from_ymd_opt(2026, 1, 5).unwrap()]);
    let events = [event(1, "a", "page_view", "2026-01-05T10:00:00Z")];
    shop.events(&source("r1", 0, "2026-01-20"), &events).await;
    assert_eq!(die_after_silver(&shop).await, (day.clone(), BTreeSet::new()));
    assert_eq!(die_after_silver(&shop).await, (day.clone(), day));
    assert_eq!(shop.number("SELECT count(*) FROM warehouse.fact_sessions").await, "0");
    shop.transform("r1").await.unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM warehouse.fact_sessions").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_known_events_touches_no_day() {
    let shop = Shop::open().await;
    let events = [event(1, "a", "page_view", "2026-01-05T10:00:00Z")];
    shop.events(&source("r1", 0, "2026-01-20"), &events).await;
    shop.transform("r1").await.unwrap();
    shop.events(&source("r2", 0, "2026-01-20"), &events).await;
    assert_eq!(die_after_silver(&shop).await, (BTreeSet::new(), BTreeSet::new()));
}

/// The first sessions are copied without indexes, which are built afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_sessions_has_its_indexes_after_the_first_ones() {
    const INDEXES: &str = "SELECT pg_get_indexdef(indexrelid), indisvalid::text FROM pg_index \
         WHERE indrelid = 'warehouse.fact_sessions'::regclass ORDER BY 1";
    const PARTS: &str = "SELECT count(DISTINCT indrelid) || ' with ' || count(*) FROM pg_index \
         WHERE indrelid IN (SELECT inhrelid FROM pg_inherits \
             WHERE inhparent = 'warehouse.fact_sessions'::regclass)";
    let shop = Shop::open().await;
    let before = shop.query(INDEXES).await;
    assert!(before.len() >= 5, "{before:?}");
    let event = Event {
        id: Uuid::from_u128(1),
        session: "s1".to_owned(),
        customer: None,
        kind: "page_view",
        url: "/".to_owned(),
        at: at("2026-01-10T10:00:00Z"),
    };
    shop.events(&source("t1", 0, "2026-01-11"), &[event]).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM warehouse.fact_sessions").await, "1");
    assert_eq!(shop.query(INDEXES).await, before);
    // The partition of January and the default one have all of them.
    assert_eq!(shop.number(PARTS).await, format!("2 with {}", 2 * before.len()));
}
