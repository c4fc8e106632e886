//! The windows of the stream against the clicks in silver.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, RecordBatch};
use serde_json::Value;
use shopflow_core::{Dataset, keys};
use shopflow_lake::{Table, schema};

use crate::support::{Shop, filled, further, texts, times};

const IN_SILVER: &str = "stream.clicks.in_silver";
const SAME: &str = "stream.clicks.same_in_silver";

/// Two final hours, whose clicks came in two files that another run took along. The next hour is
/// not final, and another one is long past.
const STREAM: &str = r#"
INSERT INTO stream.progress (stream, watermark) VALUES ('clicks', '2026-01-15T11:20:00Z');
INSERT INTO stream.windows (stream, definition, definition_version, window_name, window_start,
                            window_end, key, figures, is_final)
SELECT 'clicks', definition, 'v', name, start, start + interval '1 hour', '{}', figures::jsonb,
       is_final
FROM (VALUES
    ('traffic', '1h', timestamptz '2026-01-13T10:00:00Z', '{"events": 7, "revenue": "7.00"}', true),
    ('traffic', '1h', '2026-01-15T09:00:00Z', '{"events": 3, "revenue": "12.51"}', true),
    ('traffic', '1h', '2026-01-15T10:00:00Z', '{"events": 2, "revenue": "0.00"}', true),
    ('traffic', '1h', '2026-01-15T11:00:00Z', '{"events": 9, "revenue": "9.00"}', false),
    ('traffic', '1m', '2026-01-15T09:00:00Z', '{"events": 1, "revenue": "0.00"}', true),
    ('audience', '1h', '2026-01-15T09:00:00Z', '{"events": 1}', true)
) AS w (definition, name, start, figures, is_final);
INSERT INTO stream.handovers (stream, object_key, objects, events, written_at)
VALUES ('clicks', 'incoming/clickstream/stream/nine.jsonl', 1, 3, now()),
       ('clicks', 'incoming/clickstream/stream/ten.jsonl', 1, 2, now());
INSERT INTO stream.staged (stream, object_key, shard, first_sequence, last_sequence, event_date,
                           first_event, last_event, events, bytes, handover)
VALUES ('clicks', 'bronze/_stream/nine', 's', 1, 3, '2026-01-15', '2026-01-15T09:00:00Z',
        '2026-01-15T09:59:59Z', 3, 1, 'incoming/clickstream/stream/nine.jsonl'),
       ('clicks', 'bronze/_stream/ten', 's', 4, 5, '2026-01-15', '2026-01-15T10:10:00Z',
        '2026-01-15T10:20:00Z', 2, 1, 'incoming/clickstream/stream/ten.jsonl'),
       ('clicks', 'bronze/_stream/eleven', 's', 6, 9, '2026-01-15', '2026-01-15T11:00:00Z',
        '2026-01-15T11:20:00Z', 4, 1, NULL);
INSERT INTO ops.lake_queue (run_id, dataset, part, entry, transformed_at, transformed_by,
                            rows_loaded, rows_unchanged)
SELECT 'run-2', 'clickstream', part,
       jsonb_build_object('rows', 1, 'source', jsonb_build_object('key', key)), now(), 'run-2', 1, 0
FROM (VALUES (0, 'incoming/clickstream/stream/nine.jsonl'),
             (1, 'incoming/clickstream/stream/ten.jsonl')) AS f (part, key);
"#;

/// When, what, and what was paid in ten-thousandths: the clicks of the final hours, and one of the
/// hour that is not.
const CLICKS: [(&str, &str, Option<i128>); 6] = [
    ("2026-01-15T09:00:00Z", "page_view", None),
    ("2026-01-15T09:30:00Z", "purchase", Some(125_050)),
    ("2026-01-15T09:59:59Z", "purchase", None),
    ("2026-01-15T10:10:00Z", "product_view", None),
    ("2026-01-15T10:20:00Z", "checkout", None),
    ("2026-01-15T11:00:00Z", "page_view", None),
];

/// The small shop with a stream, and these clicks in silver.
async fn shop_with(clicks: &[(&str, &str, Option<i128>)]) -> Shop {
    let shop = Shop::open().await;
    shop.db.batch_execute(STREAM).await.unwrap();
    let table = keys::silver_table(Dataset::Clickstream);
    shop.replace(&table, "month=2026-01", Some(silver_clicks(clicks))).await;
    shop
}

/// Rows of silver/clickstream.
fn silver_clicks(clicks: &[(&str, &str, Option<i128>)]) -> RecordBatch {
    let schema = schema::silver(Dataset::Clickstream);
    let columns = |name: &str| -> ArrayRef {
        match name {
            "timestamp" => times(clicks.iter().map(|click| click.0)),
            "event_type" => texts(clicks.iter().map(|click| click.1)),
            "amount" => {
                let amounts: Decimal128Array = clicks.iter().map(|click| click.2).collect();
                Arc::new(amounts.with_precision_and_scale(12, 4).unwrap())
            }
            "event_id" | "session_id" | "url" | "device" | "country" => {
                texts(clicks.iter().map(|_| "x"))
            }
            name => further(&schema, name, clicks.len()),
        }
    };
    filled(&schema, columns)
}

/// Checks of the stream in the report of the last run, by name.
async fn checks(shop: &Shop) -> Vec<Value> {
    let report = shop.report().await;
    let of_stream = |check: &&Value| check["layer"] == "stream";
    report["checks"].as_array().unwrap().iter().filter(of_stream).cloned().collect()
}

#[tokio::test]
async fn a_shop_without_a_stream_has_no_checks_of_one() {
    let shop = Shop::open().await;
    let table = keys::silver_table(Dataset::Clickstream);
    shop.replace(&table, "month=2026-01", Some(silver_clicks(&CLICKS))).await;
    assert_eq!(shop.failed().await, Vec::<String>::new());
    assert_eq!(checks(&shop).await, Vec::<Value>::new());
}

#[tokio::test]
async fn final_hours_that_are_equal_in_silver_pass() {
    let shop = shop_with(&CLICKS).await;
    let result = shop.check().await;
    assert_eq!(result.score, 100.0, "{:?}", shop.failed().await);
    let checks = checks(&shop).await;
    let names: Vec<&Value> = checks.iter().map(|check| &check["name"]).collect();
    assert_eq!(names, [IN_SILVER, SAME]);
    assert_eq!(checks[0]["actual"], "nothing missing of 5 events in 2 hours");
    assert_eq!(checks[1]["actual"], "nothing more than 5 events in 2 hours");
    assert!(checks.iter().all(|check| check["detail"].is_null()), "{checks:?}");
}

#[tokio::test]
async fn a_click_that_is_lost_on_the_way_fails_and_its_hour_is_named() {
    // Without the second click of ten o'clock.
    let shop = shop_with(&CLICKS[..4]).await;
    let result = shop.check().await;
    assert_eq!(result.critical, [IN_SILVER]);
    assert!(!result.gate_passed);
    assert_eq!(shop.failed().await, [IN_SILVER]);
    let checks = checks(&shop).await;
    assert_eq!(checks[0]["expected"], "nothing missing of 5 events in 2 hours");
    assert_eq!(checks[0]["actual"], "1 event missing of 5 events in 2 hours");
    assert_eq!(checks[0]["detail"], "fewer in 2026-01-15T10:00Z (1 event)");
}

#[tokio::test]
async fn revenue_that_is_lost_on_the_way_fails() {
    let mut clicks = CLICKS;
    clicks[1].2 = Some(120_000);
    let shop = shop_with(&clicks).await;
    assert_eq!(shop.failed().await, [IN_SILVER]);
    let checks = checks(&shop).await;
    assert_eq!(checks[0]["actual"], "revenue of 0.51 missing of 5 events in 2 hours");
}

#[tokio::test]
async fn clicks_that_are_in_no_window_are_accounted_for() {
    let extra = [
        ("2026-01-15T09:10:00Z", "purchase", Some(50_000)),
        ("2026-01-15T09:20:00Z", "page_view", None),
    ];
    let clicks = [&CLICKS[..], &extra[..]].concat();
    let shop = shop_with(&clicks).await;
    assert_eq!(shop.failed().await, [SAME], "nobody knows of them");

    // One came too late and one before its time; other hours and definitions say nothing about them.
    shop.db
        .batch_execute(
            "INSERT INTO stream.too_late (stream, definition, minute, events)
             VALUES ('clicks', 'traffic', '2026-01-15T09:10:00Z', 1),
                    ('clicks', 'future', '2026-01-15T09:20:00Z', 1),
                    ('clicks', 'traffic', '2026-01-15T08:59:00Z', 5),
                    ('clicks', 'sessions', '2026-01-15T10:00:00Z', 5)",
        )
        .await
        .unwrap();
    assert_eq!(shop.failed().await, Vec::<String>::new());
    let besides = "besides 1 event too late for the windows and 1 event with a time that had not \
                   come, repeats included";
    let checks = checks(&shop).await;
    assert_eq!(checks[0]["detail"], besides);
    assert_eq!(checks[1]["actual"], "nothing more than 7 events in 2 hours");
}

#[tokio::test]
async fn clicks_that_only_files_brought_are_a_warning() {
    let extra = [("2026-01-15T10:40:00Z", "purchase", Some(50_000))];
    let shop = shop_with(&[&CLICKS[..], &extra[..]].concat()).await;
    let result = shop.check().await;
    assert!(result.gate_passed && result.critical.is_empty());
    assert_eq!(shop.failed().await, [SAME]);
    let checks = checks(&shop).await;
    let actual = "1 event and revenue of 5.00 more than 5 events in 2 hours";
    assert_eq!(checks[1]["actual"], actual);
    let detail = "more in 2026-01-15T10:00Z (1 event and revenue of 5.00); files may have brought \
                  clicks that the stream did not";
    assert_eq!(checks[1]["detail"], detail);
}

#[tokio::test]
async fn an_hour_waits_until_silver_has_all_that_the_stream_knows_of_it() {
    let not_yet = [
        // Staged only.
        "UPDATE stream.staged SET handover = NULL WHERE object_key = 'bronze/_stream/ten'",
        // A second object that reaches into the hour from the one before.
        "INSERT INTO stream.staged
         SELECT stream, 'bronze/_stream/more', shard, 10, 10, event_date, '2026-01-15T10:59:59Z',
                '2026-01-15T11:10:00Z', 1, 1, staged_at, NULL
         FROM stream.staged WHERE object_key = 'bronze/_stream/ten'",
        // Decided, and not written.
        "UPDATE stream.handovers SET written_at = NULL
         WHERE object_key = 'incoming/clickstream/stream/ten.jsonl'",
        // Loaded, and not transformed.
        "UPDATE ops.lake_queue SET transformed_at = NULL, transformed_by = NULL
         WHERE dataset = 'clickstream' AND part = 1",
        // No run has taken it.
        "DELETE FROM ops.lake_queue WHERE dataset = 'clickstream' AND part = 1",
    ];
    // Nothing of ten o'clock is in silver.
    let shop = shop_with(&CLICKS[..3]).await;
    assert_eq!(shop.failed().await, [IN_SILVER]);
    for sql in not_yet {
        let shop = shop_with(&CLICKS[..3]).await;
        shop.db.batch_execute(sql).await.unwrap();
        assert_eq!(shop.failed().await, Vec::<String>::new(), "{sql}");
        let checks = checks(&shop).await;
        assert_eq!(checks[0]["actual"], "nothing missing of 3 events in 1 hour", "{sql}");
        let detail = checks[0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("1 hour not compared yet"), "{detail}");
    }
    // Nothing that can be compared is no check that passes.
    let shop = shop_with(&[]).await;
    shop.db.batch_execute("DELETE FROM ops.lake_queue WHERE run_id = 'run-2'").await.unwrap();
    assert_eq!(shop.failed().await, Vec::<String>::new());
    assert_eq!(checks(&shop).await, Vec::<Value>::new());
}

#[tokio::test]
async fn files_that_cannot_hold_the_hours_are_not_read() {
    let shop = shop_with(&CLICKS).await;
    let name = keys::silver_table(Dataset::Clickstream);
    shop.replace(&name, "month=2025-12", Some(silver_clicks(&CLICKS))).await;
    let table = Table::open(&shop.storage, &shop.lake, &name).await.unwrap();
    let earlier = &table.manifest().partitions["month=2025-12"];
    let keys: Vec<String> = earlier.iter().map(|file| file.key.clone()).collect();
    shop.storage.delete(&shop.lake, &keys).await.unwrap();
    assert_eq!(shop.check().await.score, 100.0);
    assert_eq!(checks(&shop).await.len(), 2);
}
