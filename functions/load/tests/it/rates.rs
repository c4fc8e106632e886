//! Exchange rates, and the dates whose sales they convert.

use shopflow_core::Dataset;
use shopflow_postgres::locks;
use shopflow_testkit::wait::PATIENCE;

use crate::faults::backend;
use crate::world::{Source, World, at, counts};

/// A file of rates: (id, day, currency, rate).
fn rates(rows: &[(u32, &str, &str, &str)]) -> String {
    let mut csv = "id,rate_date,currency,rate,natural_key\n".to_owned();
    for (id, day, currency, rate) in rows {
        csv += &format!("{id},{day},{currency},{rate},{day}/{currency}\n");
    }
    csv
}

/// A file of sales: (id, moment, currency).
fn sales(rows: &[(u32, &str, &str)]) -> String {
    let mut csv = "id,quantity,timestamp,unit_price,currency\n".to_owned();
    for (id, moment, currency) in rows {
        csv += &format!("{id},1,{moment},9.50,{currency}\n");
    }
    csv
}

/// Loads sales whose own dates need nothing any more.
async fn with_sales(rows: &[(u32, &str, &str)]) -> World {
    let world = World::new().await;
    world.load_file("sales", Dataset::Transactions, &at("00"), &sales(rows)).await.unwrap();
    forget_marks(&world).await;
    world
}

async fn forget_marks(world: &World) {
    world.sql.batch_execute("DELETE FROM ops.dirty_dates").await.unwrap();
}

/// Loads rates; the days of January 2026 that are marked then, and forgets them.
async fn marked(world: &World, run: &str, source: &Source, csv: &str) -> Vec<i32> {
    world.load_file(run, Dataset::ExchangeRates, source, csv).await.unwrap();
    let days = "SELECT extract(day FROM event_date)::integer FROM ops.dirty_dates \
                WHERE event_date BETWEEN '2026-01-01' AND '2026-01-31' ORDER BY 1";
    let rows = world.sql.query(days, &[]).await.unwrap();
    let all = world.number("SELECT count(*) FROM ops.dirty_dates").await;
    assert_eq!(rows.len() as i64, all, "{run}: another month is marked");
    forget_marks(world).await;
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_rate_of_the_later_source_wins_in_any_order_and_every_version_is_kept() {
    for order in [["01", "02", "03"], ["03", "01", "02"], ["02", "03", "01"]] {
        let world = World::new().await;
        for hour in order {
            let rate = format!("1.1{hour}");
            let file = rates(&[
                (1, "2026-01-02", "USD", rate.as_str()),
                (2, "2026-01-02", "JPY", "184.2"),
            ]);
            world.load_file(hour, Dataset::ExchangeRates, &at(hour), &file).await.unwrap();
        }
        let current = "SELECT rate::text, natural_key FROM core.exchange_rates WHERE id = 1";
        assert_eq!(
            world.lines(current).await,
            [r#"{"rate":"1.10300000","natural_key":"2026-01-02/USD"}"#],
            "{order:?}"
        );
        let history = "SELECT currency, rate::text FROM core.exchange_rate_history \
                       WHERE id = 1 ORDER BY effective_at";
        let versions = ["1.10100000", "1.10200000", "1.10300000"]
            .map(|rate| format!(r#"{{"currency":"USD","rate":"{rate}"}}"#));
        assert_eq!(world.lines(history).await, versions, "{order:?}");
    }
}

#[tokio::test]
async fn eight_places_are_stored_exactly_and_the_same_again_is_unchanged() {
    let world = World::new().await;
    let file = rates(&[
        (1, "1999-01-04", "USD", "1.17890000"),
        (2, "1999-01-04", "KWD", "0.00000001"),
        (3, "1999-01-04", "IDR", "9433.61000001"),
        (4, "1999-01-04", "VND", "9999999999.99999999"),
    ]);
    let result = world.load_file("r1", Dataset::ExchangeRates, &at("01"), &file).await.unwrap();
    assert_eq!(counts(&result), [4, 0, 0, 0]);
    let stored = "SELECT rate::text FROM core.exchange_rates ORDER BY id";
    let expected = ["1.17890000", "0.00000001", "9433.61000001", "9999999999.99999999"]
        .map(|rate| format!(r#"{{"rate":"{rate}"}}"#));
    assert_eq!(world.lines(stored).await, expected);
    let again = file.replace("1.17890000", "+1.1789").replace("USD,", "usd,");
    let result = world.load_file("r2", Dataset::ExchangeRates, &at("02"), &again).await.unwrap();
    assert_eq!(counts(&result), [0, 0, 4, 0]);
    assert_eq!(world.lines(stored).await, expected);
}

#[tokio::test]
async fn rates_mark_the_days_they_reach_that_have_a_sale_in_a_currency_and_no_others() {
    let world = with_sales(&[
        (1, "2026-01-01T23:59:59.999999Z", "USD"),
        (2, "2026-01-03T10:00:00Z", "USD"),
        (3, "2026-01-03T11:00:00Z", "JPY"),
        // Nothing to convert.
        (4, "2026-01-08T10:00:00Z", ""),
        // The last moment that a rate of the second reaches, and the first that it does not.
        (5, "2026-01-10T00:59:59+01:00", "CHF"),
        (6, "2026-01-10T00:00:00Z", "CHF"),
        (7, "2026-01-20T10:00:00Z", "USD"),
    ])
    .await;
    let first = [(1, "2026-01-02", "USD", "1.1"), (2, "2026-01-02", "JPY", "180")];
    assert_eq!(marked(&world, "r1", &at("02"), &rates(&first)).await, [3, 9]);
    let nothing: [i32; 0] = [];
    for (run, hour) in [("same", "02"), ("later", "03"), ("earlier", "01")] {
        assert_eq!(marked(&world, run, &at(hour), &rates(&first)).await, nothing, "{run}");
    }
    // An earlier file stands in the history only.
    let other = [(1, "2026-01-02", "USD", "1.2")];
    assert_eq!(marked(&world, "late", &at("00"), &rates(&other)).await, nothing);
    assert_eq!(marked(&world, "corrected", &at("04"), &rates(&other)).await, [3, 9]);
    // Days that several rates reach, some without any sale, far ones among them.
    let many = [
        (3, "1999-01-04", "USD", "1.1"),
        (4, "2026-01-04", "USD", "1.1"),
        (5, "2026-01-05", "USD", "1.1"),
        (6, "2026-01-13", "USD", "1.1"),
        (7, "2026-02-20", "USD", "1.1"),
    ];
    assert_eq!(marked(&world, "many", &at("05"), &rates(&many)).await, [9, 10, 20]);
    world.sql.batch_execute("UPDATE ops.shop_currency SET max_age_days = 0").await.unwrap();
    let of_its_day = [(8, "2026-01-01", "USD", "1"), (9, "2026-01-19", "USD", "1")];
    assert_eq!(marked(&world, "today", &at("06"), &rates(&of_its_day)).await, [1]);
}

#[tokio::test]
async fn a_rate_that_moves_to_another_day_marks_what_both_days_reach() {
    let world = with_sales(&[
        (1, "2026-01-03T10:00:00Z", "USD"),
        (2, "2026-01-12T10:00:00Z", "USD"),
        (3, "2026-01-22T10:00:00Z", "USD"),
    ])
    .await;
    let of = |day: &str| format!("id,rate_date,currency,rate\n1,{day},USD,1.1\n");
    assert_eq!(marked(&world, "r1", &at("01"), &of("2026-01-02")).await, [3]);
    assert_eq!(marked(&world, "r2", &at("02"), &of("2026-01-20")).await, [3, 22]);
}

#[tokio::test]
async fn rates_of_a_shop_whose_sales_have_no_currency_mark_nothing() {
    let world = with_sales(&[(1, "2026-01-03T10:00:00Z", "")]).await;
    let file = rates(&[(1, "2026-01-02", "USD", "1.1")]);
    assert_eq!(marked(&world, "r1", &at("01"), &file).await, [0_i32; 0]);
}

#[tokio::test]
async fn rates_wait_for_a_load_of_sales_and_mark_what_it_brings() {
    let world = World::new().await;
    let lock = locks::LOAD + Dataset::Transactions.position() as i64;
    let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({lock})");
    world.sql.batch_execute(&begin).await.unwrap();
    let file = rates(&[(1, "2026-01-02", "USD", "1.1")]);
    let first = at("01");
    let load = world.load_file("r1", Dataset::ExchangeRates, &first, &file);
    let sale = async {
        backend(&world, "wait_event_type = 'Lock'").await;
        // Its own mark was taken by a transform that began before the rates were there.
        world
            .sql
            .batch_execute(
                "INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at, \
                     modified_at) VALUES ('transactions', 'r', 'b', 'k', 'v', now(), now()); \
                 INSERT INTO core.transactions (id, quantity, \"timestamp\", unit_price, currency, \
                     row_hash, source_id) \
                 SELECT 1, 1, '2026-01-03 10:00Z', 9.5, 'USD', 1, max(source_id) FROM core.sources; \
                 COMMIT",
            )
            .await
            .unwrap();
    };
    let (result, ()) = tokio::join!(load, sale);
    assert_eq!(counts(&result.unwrap()), [1, 0, 0, 0]);
    let marks = "SELECT event_date FROM ops.dirty_dates";
    assert_eq!(world.lines(marks).await, [r#"{"event_date":"2026-01-03"}"#]);
}

/// However they meet, nobody waits for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_of_rates_payments_and_sales_side_by_side_all_succeed() {
    let mut world = World::new().await;
    // Each load of sales wants the tables for itself.
    world.context.bulk_rows = 1;
    world.context.bulk_entities = 1;
    let mut manifests = Vec::new();
    for (number, run) in ["r1", "r2", "r3"].into_iter().enumerate() {
        let id = number as u32 + 1;
        let day = format!("2026-01-0{id}");
        let moment = format!("{day}T10:00:00Z");
        let mut entries = Vec::new();
        for (part, dataset, content) in [
            (0, Dataset::Transactions, sales(&[(id, moment.as_str(), "USD")])),
            (1, Dataset::ExchangeRates, rates(&[(id, day.as_str(), "USD", "1.1")])),
            (
                2,
                Dataset::Payments,
                format!("id,order_id,payment_method,amount\n{id},A-1,klarna {id},1\n"),
            ),
        ] {
            entries.push(world.file(run, dataset, part, &at("01"), content).await);
        }
        let manifest = world.publish(run, entries).await;
        for dataset in [Dataset::Transactions, Dataset::ExchangeRates, Dataset::Payments] {
            manifests.push((run, dataset, manifest.clone()));
        }
    }
    let loads =
        manifests.iter().map(|(run, dataset, manifest)| world.load(run, *dataset, manifest));
    let all = futures::future::try_join_all(loads);
    let results = tokio::time::timeout(PATIENCE, all).await.unwrap().unwrap();
    assert!(results.iter().all(|result| counts(result) == [1, 0, 0, 0]), "{results:?}");
    assert_eq!(world.number("SELECT count(*) FROM ops.dirty_dates").await, 3);
}
