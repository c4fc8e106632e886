//! The whole function against the emulator and a real Postgres.

use std::time::Instant;

use crate::common::{Customer, Product, Sale, Shop, at, run, sale, source};
use shopflow_core::contract::TransformResult;
use shopflow_core::{Dataset, LedgerEntry};
use shopflow_transform::cache::FileCache;
use shopflow_transform::pending::{self, Pending};
use shopflow_transform::publish::Work;
use shopflow_transform::session::Session;
use shopflow_transform::{gold, silver, warehouse};

const ADA: Customer = Customer(1, "Ada Lovelace", "ada@example.com", "2020-01-01", "GB");
const BOB: Customer = Customer(2, "Bob Builder", "bob@build.org", "2021-05-05", "FR");

fn ledger(result: &TransformResult, dataset: Dataset) -> (u64, u64, u64) {
    let find = |entry: &&LedgerEntry| entry.dataset == dataset;
    let entry = result.ledger.iter().find(find).expect("ledger entry");
    (entry.rows_in, entry.rows_loaded, entry.rows_unchanged)
}

/// Two customers, one product with a price that rises on 10 January, three sales.
async fn small_shop() -> Shop {
    let shop = Shop::open().await;
    let first = source("t1", 0, "2026-01-01");
    shop.customers(&first, &[ADA, BOB]).await;
    shop.products(&source("t1", 1, "2026-01-01"), &[Product(7, "Mug", "home", 1000, "Acme")]).await;
    shop.products(&source("t1", 3, "2026-01-10"), &[Product(7, "Mug", "home", 1250, "Acme")]).await;
    let sales = [
        sale(1, 1, 7, 2, "2026-01-09T23:59:59.999999Z"),
        sale(2, 1, 7, 2, "2026-01-10T00:00:00Z"),
        sale(3, 2, 7, 1, "2026-02-02T12:00:00Z"),
    ];
    shop.sales(&source("t1", 2, "2026-01-10"), &sales).await;
    shop
}

async fn totals_agree(shop: &Shop) {
    let facts = "SELECT coalesce(sum(amount), 0)::numeric(18,2) FROM warehouse.fact_sales";
    let facts = shop.number(facts).await;
    let tables = [
        "daily_sales",
        "weekly_sales",
        "monthly_sales",
        "product_sales",
        "customer_lifetime_value",
    ];
    for table in tables {
        let sql = format!("SELECT coalesce(sum(revenue), 0)::numeric(18,2) FROM warehouse.{table}");
        assert_eq!(shop.number(&sql).await, facts, "{table}");
    }
    let sales = shop.number("SELECT count(*) FROM core.transactions").await;
    for table in [
        "fact_sales",
        "(SELECT generate_series(1, (SELECT sum(transactions) FROM warehouse.daily_sales)::int)) AS s",
    ] {
        let table =
            if table.starts_with('(') { table.to_owned() } else { format!("warehouse.{table}") };
        assert_eq!(shop.number(&format!("SELECT count(*) FROM {table}")).await, sales);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_has_the_price_of_its_moment() {
    let shop = small_shop().await;
    let result = shop.transform("t1").await.unwrap();
    assert_eq!(result.touched_dates, 3);
    assert_eq!(result.fact_rows, 3);
    assert_eq!(
        shop.query(
            "SELECT transaction_id, unit_price, amount FROM warehouse.fact_sales ORDER BY 1"
        )
        .await,
        [
            r#"{"transaction_id":1,"unit_price":10.00,"amount":20.00}"#,
            r#"{"transaction_id":2,"unit_price":12.50,"amount":25.00}"#,
            r#"{"transaction_id":3,"unit_price":12.50,"amount":12.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT event_date, transactions, customers, units, revenue FROM warehouse.daily_sales ORDER BY 1").await,
        [
            r#"{"event_date":"2026-01-09","transactions":1,"customers":1,"units":2,"revenue":20.00}"#,
            r#"{"event_date":"2026-01-10","transactions":1,"customers":1,"units":2,"revenue":25.00}"#,
            r#"{"event_date":"2026-02-02","transactions":1,"customers":1,"units":1,"revenue":12.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT week_start, revenue FROM warehouse.weekly_sales ORDER BY 1").await,
        [
            r#"{"week_start":"2026-01-05","revenue":45.00}"#,
            r#"{"week_start":"2026-02-02","revenue":12.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT * FROM warehouse.customer_lifetime_value ORDER BY 1").await,
        [
            r#"{"customer_id":1,"first_purchase":"2026-01-09","last_purchase":"2026-01-10","transactions":2,"revenue":45.00,"average_order_value":22.50,"projected_annual_value":547.50}"#,
            r#"{"customer_id":2,"first_purchase":"2026-02-02","last_purchase":"2026-02-02","transactions":1,"revenue":12.50,"average_order_value":12.50,"projected_annual_value":152.08}"#,
        ]
    );
    totals_agree(&shop).await;
    let rows: Vec<(&str, u64)> =
        result.gold.iter().map(|table| (table.table.as_str(), table.rows)).collect();
    assert_eq!(
        rows,
        [
            ("dim_customer", 2),
            ("dim_product", 2),
            ("fact_sales", 3),
            ("fact_sessions", 0),
            ("daily_sales", 3),
            ("weekly_sales", 2),
            ("monthly_sales", 2),
            ("product_sales", 1),
            ("customer_lifetime_value", 2),
            ("customer_rfm", 2),
            ("cohort_retention", 3),
            ("model_fits", 7),
            ("customer_lifetime_prediction", 2),
            ("product_pairs", 0),
            ("product_similarity", 0),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_again_gives_the_same_ledger_and_writes_nothing() {
    let shop = small_shop().await;
    let first = shop.transform("t1").await.unwrap();
    assert_eq!(ledger(&first, Dataset::Transactions), (3, 3, 0));
    assert_eq!(ledger(&first, Dataset::Products), (2, 2, 0));
    let before = shop.objects("").await;
    let again = shop.transform("t1").await.unwrap();
    assert_eq!(again, first);
    let later = shop.transform("t2").await.unwrap();
    assert!(later.ledger.is_empty());
    assert_eq!((later.touched_dates, later.fact_rows), (0, 0));
    assert_eq!(shop.objects("").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_twice_changes_nothing() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    let before = (shop.files("silver/").await, shop.files("gold/").await);
    // The same object, processed by another run.
    let mut again = source("t1", 2, "2026-01-10");
    again.run_id = "t3".to_owned();
    let sales = [
        sale(1, 1, 7, 2, "2026-01-09T23:59:59.999999Z"),
        sale(2, 1, 7, 2, "2026-01-10T00:00:00Z"),
        sale(3, 2, 7, 1, "2026-02-02T12:00:00Z"),
    ];
    shop.sales(&again, &sales).await;
    let result = shop.transform("t3").await.unwrap();
    assert_eq!(ledger(&result, Dataset::Transactions), (3, 0, 3));
    assert_eq!((shop.files("silver/").await, shop.files("gold/").await), before);
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_moves_leaves_its_old_date() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    shop.sales(&source("t2", 0, "2026-01-20"), &[sale(1, 1, 7, 3, "2026-03-01T08:00:00Z")]).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!(ledger(&result, Dataset::Transactions), (1, 1, 0));
    assert_eq!(result.touched_dates, 2);
    let silver = shop.silver(Dataset::Transactions).await;
    assert_eq!(silver.len(), 3);
    assert!(silver.iter().all(|row| !row.starts_with("event_date=2026-01-09")), "{silver:?}");
    assert_eq!(
        shop.query("SELECT event_date, revenue FROM warehouse.daily_sales ORDER BY 1").await,
        [
            r#"{"event_date":"2026-01-10","revenue":25.00}"#,
            r#"{"event_date":"2026-02-02","revenue":12.50}"#,
            r#"{"event_date":"2026-03-01","revenue":37.50}"#,
        ]
    );
    totals_agree(&shop).await;

    // The version from before the move arrives late: it must not come back on the old date.
    shop.sales(&source("t3", 0, "2026-01-05"), &[sale(1, 1, 7, 9, "2026-01-09T10:00:00Z")]).await;
    let late = shop.transform("t3").await.unwrap();
    assert_eq!(ledger(&late, Dataset::Transactions), (1, 0, 1));
    assert_eq!(shop.silver(Dataset::Transactions).await, silver);
    totals_agree(&shop).await;

    // And back again.
    shop.sales(&source("r5", 0, "2026-01-21"), &[sale(1, 1, 7, 3, "2026-01-09T08:00:00Z")]).await;
    shop.transform("t4").await.unwrap();
    let silver = shop.silver(Dataset::Transactions).await;
    assert_eq!(silver.len(), 3);
    assert!(silver[0].starts_with("event_date=2026-01-09 1|"), "{silver:?}");
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inferred_member_is_completed_by_its_own_row() {
    let shop = small_shop().await;
    shop.sales(&source("r3", 0, "2026-01-11"), &[sale(4, 99, 88, 4, "2026-01-11T08:00:00Z")]).await;
    shop.transform("t1").await.unwrap();
    let fact =
        "SELECT product_key, customer_key FROM warehouse.fact_sales WHERE transaction_id = 4";
    let keys = shop.query(fact).await;
    assert_eq!(
        shop.query("SELECT revenue, unpriced_transactions FROM warehouse.daily_sales WHERE event_date = '2026-01-11'").await,
        [r#"{"revenue":0.00,"unpriced_transactions":1}"#]
    );
    // The product is announced after the sale: its first version counts from the beginning.
    shop.products(&source("r4", 0, "2026-01-15"), &[Product(88, "Pan", "home", 500, "Acme")]).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (1, 1));
    assert_eq!(shop.query(fact).await, keys);
    assert_eq!(
        shop.query("SELECT revenue, unpriced_transactions FROM warehouse.daily_sales WHERE event_date = '2026-01-11'").await,
        [r#"{"revenue":20.00,"unpriced_transactions":0}"#]
    );
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_arrives_late_reprices_only_the_sales_it_covers() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    // Between the two known prices: only 9 January is covered.
    shop.products(&source("r9", 0, "2026-01-05"), &[Product(7, "Mug", "home", 1100, "Acme")]).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (1, 1));
    assert_eq!(
        shop.number("SELECT amount FROM warehouse.fact_sales WHERE transaction_id = 1").await,
        "22.00"
    );
    // A name nobody saw change: no fact is touched.
    shop.products(&source("r10", 0, "2026-05-01"), &[Product(7, "Cup", "home", 1250, "Acme")])
        .await;
    let result = shop.transform("t3").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (0, 0));
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_outside_the_calendar_extends_it() {
    let shop = small_shop().await;
    shop.sales(&source("r3", 0, "2026-01-11"), &[sale(4, 1, 7, 1, "1999-12-31T23:00:00Z")]).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(
        shop.query("SELECT iso_week, day_name FROM warehouse.dim_date WHERE date_key = 19991231")
            .await,
        [r#"{"iso_week":52,"day_name":"Friday"}"#]
    );
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_steps_give_the_same_gold_bytes_as_a_full_rebuild() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    for step in 0..6_i64 {
        let day = format!("2026-01-{:02}", 12 + step);
        let run_id = format!("s{step}");
        let sales: Vec<Sale> = (0..40)
            .map(|n| {
                let id = 10 + (step * 23 + n) % 100;
                let moment =
                    at("2025-12-20") + chrono::Duration::hours((id * 37 + step * 11) % 1500);
                Sale(id, 1 + id % 5, 7 + id % 4, 1 + (n % 3) as i32, moment)
            })
            .collect();
        shop.sales(&source(&run_id, 0, &day), &sales).await;
        let price = 900 + step * 50;
        let product = Product(7 + step % 4, "Thing", "toys", price, "Acme");
        // Odd steps arrive out of order.
        let from = if step % 2 == 0 { day } else { format!("2025-12-{:02}", 20 + step) };
        shop.products(&source(&run_id, 1, &from), &[product]).await;
        shop.transform(&format!("t-{step}")).await.unwrap();
        totals_agree(&shop).await;
    }
    let gold = shop.files("gold/").await;
    let published = shop.query("SELECT * FROM warehouse.weekly_sales ORDER BY 1").await;
    let full = shop.run("full", true).await.unwrap();
    assert!(full.touched_dates > 30);
    let rebuilt = shop.files("gold/").await;
    assert_eq!(gold.keys().collect::<Vec<_>>(), rebuilt.keys().collect::<Vec<_>>());
    assert_eq!(gold, rebuilt);
    assert_eq!(shop.query("SELECT * FROM warehouse.weekly_sales ORDER BY 1").await, published);
    assert_eq!(shop.number("SELECT count(*) FROM ops.dirty_dates").await, "0");
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_is_made_good_by_the_next_call() {
    let expected = {
        let shop = small_shop().await;
        let result = shop.transform("t1").await.unwrap();
        (result.ledger, shop.silver(Dataset::Transactions).await, shop.files("gold/").await)
    };
    for steps in 1..=4 {
        let shop = small_shop().await;
        {
            let wait = std::time::Duration::from_secs(60);
            let mut session = Session::lock(&shop.context.database, wait).await.unwrap();
            let fresh = pending::take(session.client()).await.unwrap();
            let snapshot = pending::snapshot(session.client()).await.unwrap();
            let pending = Pending::read(&snapshot, &fresh, false).await.unwrap();
            let cache = FileCache::new(1 << 20);
            let all = 0..pending.files.len();
            let merge =
                silver::Merge::prepare(&shop.context, &snapshot, &pending, all).await.unwrap();
            if steps >= 2 {
                let mut counts = silver::counts(&pending);
                merge.write(&shop.context, &cache, &mut counts).await.unwrap();
            }
            if steps >= 3 {
                let facts = warehouse::rebuild(snapshot, &pending).await.unwrap();
                if steps >= 4 {
                    let update =
                        gold::Update { dates: facts.dates, dimensions: true, ..Default::default() };
                    let client = session.client();
                    gold::refresh(&shop.context, client, &cache, &update).await.unwrap();
                }
            }
            // The function dies here: the session goes, and the lock with it.
        }
        let result = shop.transform("t1").await.unwrap();
        assert_eq!(result.ledger, expected.0, "after {steps} steps");
        assert_eq!(shop.silver(Dataset::Transactions).await, expected.1, "after {steps} steps");
        assert_eq!(shop.files("gold/").await, expected.2, "after {steps} steps");
        totals_agree(&shop).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_set_while_transform_works_is_kept() {
    let shop = small_shop().await;
    let wait = std::time::Duration::from_secs(60);
    let mut session = Session::lock(&shop.context.database, wait).await.unwrap();
    let fresh = pending::take(session.client()).await.unwrap();
    let snapshot = pending::snapshot(session.client()).await.unwrap();
    let read = Pending::read(&snapshot, &fresh, false).await.unwrap();
    // Loaded meanwhile: a sale on a date that is marked already, and a new member.
    shop.sales(&source("r7", 0, "2026-01-12"), &[sale(5, 55, 7, 1, "2026-01-10T08:00:00Z")]).await;
    let cache = FileCache::new(1 << 20);
    let all = 0..read.files.len();
    let merge = silver::Merge::prepare(&shop.context, &snapshot, &read, all).await.unwrap();
    let mut counts = silver::counts(&read);
    merge.write(&shop.context, &cache, &mut counts).await.unwrap();
    let facts = warehouse::rebuild(snapshot, &read).await.unwrap();
    assert_eq!(facts.rows, 3);
    let update = gold::Update { dates: facts.dates, dimensions: true, ..Default::default() };
    let refreshed = gold::refresh(&shop.context, session.client(), &cache, &update).await.unwrap();
    let work = Work {
        run: &run("t1"),
        business: &shop.context.business,
        pending: &read,
        counts: &counts,
        update: &update,
        refreshed: &refreshed,
        fact_rows: facts.rows,
    };
    work.publish_and_close(session.client()).await.unwrap();
    session.unlock().await;
    assert_eq!(
        shop.query("SELECT event_date FROM ops.dirty_dates").await,
        [r#"{"event_date":"2026-01-10"}"#]
    );
    let next = shop.transform("t2").await.unwrap();
    assert_eq!((next.touched_dates, next.fact_rows), (1, 2));
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_at_once_share_the_work() {
    let shop = small_shop().await;
    shop.sales(&source("t2", 0, "2026-01-12"), &[sale(9, 2, 7, 1, "2026-02-02T12:00:00Z")]).await;
    let (one, two) = tokio::join!(shop.transform("t1"), shop.transform("t2"));
    let (one, two) = (one.unwrap(), two.unwrap());
    // Whichever was first took the rows of both; each reports its own.
    assert_eq!(ledger(&one, Dataset::Transactions), (3, 3, 0));
    assert_eq!(ledger(&one, Dataset::Products), (2, 2, 0));
    assert_eq!(ledger(&two, Dataset::Transactions), (1, 1, 0));
    assert_eq!(two.ledger.len(), 1);
    assert_eq!(one.fact_rows + two.fact_rows, 4);
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_run_is_transformed_quickly() {
    let shop = Shop::open().await;
    let start = at("2025-01-15");
    let minute = |n: i64| start + chrono::Duration::minutes(n * 105 % (365 * 1440));
    let products: Vec<Product> =
        (1..=500).map(|id| Product(id, "Thing", "toys", 500 + id, "Acme")).collect();
    shop.products(&source("r1", 0, "2025-01-01"), &products).await;
    let sales: Vec<Sale> =
        (1..=5000).map(|id| Sale(id, 1 + id % 1000, 1 + id % 500, 1, minute(id))).collect();
    shop.sales(&source("t1", 1, "2026-01-15"), &sales).await;
    let clicks: Vec<_> =
        (1..=8000).map(|n| (uuid::Uuid::from_u128(n as u128 * 7919), minute(n))).collect();
    shop.clicks(&source("t1", 2, "2026-01-15"), &clicks).await;
    let started = Instant::now();
    let result = shop.transform("t1").await.unwrap();
    let first = started.elapsed();
    let started = Instant::now();
    shop.transform("t2").await.unwrap();
    let idle = started.elapsed();
    println!("first transform {first:?}, nothing to do {idle:?}");
    assert_eq!(ledger(&result, Dataset::Transactions), (5000, 5000, 0));
    assert_eq!(ledger(&result, Dataset::Clickstream), (8000, 8000, 0));
    assert_eq!((result.touched_dates, result.fact_rows), (365, 5000));
    totals_agree(&shop).await;
}
