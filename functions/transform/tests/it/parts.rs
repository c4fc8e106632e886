//! Work that is too much for one call: several calls take it part by part, and end in the same.

use std::collections::BTreeMap;

use shopflow_core::Dataset;
use shopflow_transform::publish;

use crate::common::small_shop::{small_shop, totals_agree};
use crate::common::{Event, Shop, at, sale, source};

/// The small shop with a second file of sales, and clicks in two months.
async fn shop_with_clicks() -> Shop {
    let shop = small_shop().await;
    let sales =
        [sale(4, 2, 7, 3, "2026-01-10T09:00:00Z"), sale(5, 1, 7, 1, "2026-03-01T09:00:00Z")];
    shop.sales(&source("t2", 0, "2026-01-11"), &sales).await;
    for (part, day) in [(1, "2026-01-10"), (2, "2026-02-20")] {
        let event = Event {
            id: uuid::Uuid::from_u128(part.into()),
            session: format!("s{part}"),
            customer: Some(1),
            kind: "page_view",
            url: "/".to_owned(),
            at: at(&format!("{day}T10:00:00Z")),
        };
        shop.events(&source("t2", part, "2026-01-11"), &[event]).await;
    }
    shop
}

async fn published(shop: &Shop) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["fact_sales", "fact_sessions", "daily_sales", "customer_lifetime_value"] {
        // Surrogate keys are given in the order of the work.
        let table = match table {
            "fact_sales" => "sales",
            other => other,
        };
        let sql = format!("SELECT * FROM warehouse.{table} AS t ORDER BY to_jsonb(t)::text");
        rows.extend(shop.query(&sql).await);
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_calls_end_in_what_one_call_ends_in() {
    let whole = shop_with_clicks().await;
    let once = whole.call("t1", false).await.unwrap();
    assert!(!once.more);

    let mut shop = shop_with_clicks().await;
    shop.context.rows_per_call = 1;
    let mut calls = 0;
    let last = loop {
        calls += 1;
        let result = shop.call("t1", false).await.unwrap();
        assert!(result.ledger.iter().all(|entry| entry.is_balanced()));
        if !result.more {
            break result;
        }
        assert!(result.gold.is_empty(), "gold is told when it is whole");
    };
    // Seven files, the last with the first of four dates with sales; each date a call.
    assert_eq!(calls, 10);
    assert_eq!((last.ledger, last.gold), (once.ledger, once.gold));
    assert_eq!((last.touched_dates, last.fact_rows), (once.touched_dates, once.fact_rows));
    for dataset in Dataset::all() {
        assert_eq!(shop.silver(dataset).await, whole.silver(dataset).await, "{dataset}");
    }
    assert_eq!(shop.files("gold/").await, whole.files("gold/").await);
    assert_eq!(published(&shop).await, published(&whole).await);
    totals_agree(&shop).await;
    for marks in ["dirty_dates", "dirty_entities", "dirty_click_dates", "moved_rows"] {
        assert_eq!(shop.number(&format!("SELECT count(*) FROM ops.{marks}")).await, "0", "{marks}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_lake_keeps_is_merged_ahead_and_ends_in_the_same() {
    let whole = shop_with_clicks().await;
    let once = whole.call("t2", false).await.unwrap();

    let mut shop = shop_with_clicks().await;
    shop.context.rows_per_call = 1;
    let first = shop.call_lake_only("t2").await.unwrap();
    assert!(first.more, "a file is left");
    let second = shop.call_lake_only("t2").await.unwrap();
    assert!(!second.more && second.gold.is_empty());
    let clicks: Vec<_> =
        once.ledger.iter().filter(|it| it.dataset == Dataset::Clickstream).collect();
    assert_eq!(second.ledger.iter().collect::<Vec<_>>(), clicks);
    for dataset in Dataset::all() {
        if dataset.is_stored() {
            assert!(shop.silver(dataset).await.is_empty(), "{dataset}");
        } else {
            assert_eq!(shop.silver(dataset).await, whole.silver(dataset).await, "{dataset}");
        }
    }
    assert_eq!(shop.number("SELECT count(*) FROM ops.dirty_click_dates").await, "2");
    let marks = "SELECT count(*) FROM ops.dirty_dates";
    assert_ne!(shop.number(marks).await, "0", "a load's marks stay");
    // Nothing is left for another such call.
    let silver = shop.objects("silver/").await;
    assert_eq!(shop.call_lake_only("t2").await.unwrap(), second);
    assert_eq!(shop.objects("silver/").await, silver);

    shop.context.rows_per_call = 1_000_000;
    let last = shop.call("t2", false).await.unwrap();
    assert_eq!(last, once);
    for dataset in Dataset::all() {
        assert_eq!(shop.silver(dataset).await, whole.silver(dataset).await, "{dataset}");
    }
    assert_eq!(shop.files("gold/").await, whole.files("gold/").await);
    assert_eq!(published(&shop).await, published(&whole).await);
    assert_eq!(shop.number("SELECT count(*) FROM ops.dirty_click_dates").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_of_its_own_rows_only_while_others_wait() {
    let mut shop = shop_with_clicks().await;
    shop.context.rows_per_call = 1;
    let first = shop.call("t2", false).await.unwrap();
    assert!(first.more);
    // The first file of the queue is another run's.
    assert!(first.ledger.is_empty(), "{:?}", first.ledger);
    let done = shop.run("t2", false).await.unwrap();
    let rows: BTreeMap<Dataset, u64> =
        done.ledger.iter().map(|entry| (entry.dataset, entry.rows_in)).collect();
    assert_eq!(rows, BTreeMap::from([(Dataset::Transactions, 2), (Dataset::Clickstream, 2)]));
    let mut session = shop.context.database.connect().await.unwrap();
    let transaction = session.transaction().await.unwrap();
    assert_eq!(publish::ledger(transaction.client(), "t1").await.unwrap().len(), 3);
}
