//! Calls that are repeated, cut off, or made at the same time: the result is the same.

use std::collections::BTreeSet;

use crate::common::small_shop::{ledger, small_shop, totals_agree};
use crate::common::{Own, Product, Sale, at, run, sale, source};
use shopflow_core::Dataset;
use shopflow_query::FileCache;
use shopflow_transform::incoming::pending::{self, Pending, Queue};
use shopflow_transform::lock::LockedSession;
use shopflow_transform::publish::{self, Work};
use shopflow_transform::{gold, silver, warehouse};

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

/// An earlier release did not know the prices of the file, and somebody runs it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_again_with_more_known_columns_is_read_with_them() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    let mut again = source("t1", 2, "2026-01-10");
    again.run_id = "t3".to_owned();
    let price = |unit_price| Own { unit_price, ..Own::default() };
    let sales = [
        (sale(1, 1, 7, 2, "2026-01-09T23:59:59.999999Z"), price(Some(90_000))),
        (sale(2, 1, 7, 2, "2026-01-10T00:00:00Z"), price(Some(90_000))),
        (sale(3, 2, 7, 1, "2026-02-02T12:00:00Z"), price(None)),
    ];
    shop.sales_with(&again, &sales).await;
    let result = shop.transform("t3").await.unwrap();
    assert_eq!(ledger(&result, Dataset::Transactions), (3, 2, 1));
    let amounts = "SELECT string_agg(amount::text, ' ' ORDER BY transaction_id)
        FROM warehouse.fact_sales";
    assert_eq!(shop.number(amounts).await, "18.00 18.00 12.50");
    totals_agree(&shop).await;
    let gold = shop.files("gold/").await;
    shop.run("full", true).await.unwrap();
    assert_eq!(shop.files("gold/").await, gold);
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
    for steps in 1..=5 {
        let shop = small_shop().await;
        {
            let wait = std::time::Duration::from_secs(60);
            let mut session = LockedSession::lock(&shop.context.database, wait).await.unwrap();
            let fresh = pending::take(session.client(), Queue::All, u64::MAX).await.unwrap();
            let snapshot = pending::snapshot(session.client()).await.unwrap();
            let pending = Pending::read(&snapshot, &fresh, false, u64::MAX).await.unwrap();
            let cache = FileCache::new(1 << 20);
            let all = 0..pending.files.len();
            let merge =
                silver::Merge::prepare(&shop.context, &snapshot, &pending, all).await.unwrap();
            if steps >= 2 {
                let mut counts = silver::counts(&pending);
                merge.write(&shop.context, &cache, &mut counts).await.unwrap();
            }
            if steps == 5 {
                // Gold is written, but the transaction with its dimensions is lost.
                let dimensioned = warehouse::dimensions(&snapshot, &pending).await.unwrap();
                let dates = dimensioned.dates.clone();
                let update = gold::Update { dates, dimensions: true, ..Default::default() };
                gold::refresh(&shop.context, snapshot.client(), &cache, &update).await.unwrap();
                dimensioned.compute(&snapshot).await.unwrap();
            } else if steps >= 3 {
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
        let gold = shop.files("gold/").await;
        // Keys that the lost transaction gave to versions are not given again.
        if steps < 5 {
            assert_eq!(gold, expected.2, "after {steps} steps");
        }
        totals_agree(&shop).await;
        shop.run("full", true).await.unwrap();
        assert_eq!(shop.files("gold/").await, gold, "after {steps} steps");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_set_while_transform_works_is_kept() {
    let shop = small_shop().await;
    let wait = std::time::Duration::from_secs(60);
    let mut session = LockedSession::lock(&shop.context.database, wait).await.unwrap();
    let fresh = pending::take(session.client(), Queue::All, u64::MAX).await.unwrap();
    let snapshot = pending::snapshot(session.client()).await.unwrap();
    let read = Pending::read(&snapshot, &fresh, false, u64::MAX).await.unwrap();
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
        aggregates: &refreshed.aggregates,
        later_click_dates: &BTreeSet::new(),
        fact_rows: facts.rows,
    };
    let publication = publish::begin(session.client(), refreshed.sessions.as_ref()).await.unwrap();
    work.publish_and_close(publication).await.unwrap();
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
async fn only_rows_that_differ_are_published() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    let rows = "SELECT event_date, xmin::text FROM warehouse.daily_sales ORDER BY 1";
    let before = shop.query(rows).await;
    assert_eq!(before.len(), 3);
    let sold = sale(4, 2, 7, 1, "2026-02-02T13:00:00Z");
    shop.sales(&source("t2", 0, "2026-02-03"), &[sold]).await;
    shop.transform("t2").await.unwrap();
    let after = shop.query(rows).await;
    assert_eq!(after[..2], before[..2]);
    assert_ne!(after[2], before[2]);
    totals_agree(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_copy_that_somebody_has_changed_is_made_right() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    // Rows that the next sale replaces, one of three and one of one: its publication notices.
    let spoil = "UPDATE warehouse.daily_sales SET revenue = 1 WHERE event_date = '2026-02-02';
                 UPDATE warehouse.product_sales SET revenue = 1 WHERE product_id = 7";
    shop.client.batch_execute(spoil).await.unwrap();
    let sold = sale(4, 2, 7, 1, "2026-02-02T13:00:00Z");
    shop.sales(&source("t2", 0, "2026-02-03"), &[sold]).await;
    shop.transform("t2").await.unwrap();
    totals_agree(&shop).await;
    // A row that nothing replaces: a full call compares everything.
    let days = "SELECT * FROM warehouse.daily_sales ORDER BY 1";
    let right = shop.query(days).await;
    let spoil = "UPDATE warehouse.daily_sales SET revenue = 1 WHERE event_date = '2026-01-09'";
    shop.client.batch_execute(spoil).await.unwrap();
    assert_ne!(shop.query(days).await, right);
    shop.run("t3", true).await.unwrap();
    assert_eq!(shop.query(days).await, right);
    totals_agree(&shop).await;
}
