//! Shards that are split and merged while clicks come.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shopflow::stream::Tally;
use shopflow_generate::live::{Label, Scenario};
use shopflow_testkit::wait::Wait;
use shopflow_tests::{Cloud, Shard};

use super::landed::Landed;
use super::{
    PATIENT, VISITS, begin_everywhere, burst, click, everywhere, final_hour, hand_over, in_silver,
    is_as_labelled, past_hour, scenario, silver, tick, watermark,
};

/// The same function, for which a shard that brings nothing for a second holds up nobody.
const IMPATIENT: [(&str, &str); 1] = [("SHOPFLOW__STREAM__IDLE_SECONDS", "1")];

/// Fewer visits than a window counts exactly, over all scenarios of the test.
const LASTS: Duration = Duration::from_secs(50);

/// Sends a scenario, and adds up the labels of its events.
async fn send(cloud: &Cloud, start: DateTime<Utc>, tally: &mut Tally) {
    let sent = burst(cloud, Scenario { duration: LASTS, ..scenario(start) }).await;
    for (label, events) in sent {
        *tally.entry(label).or_default() += events;
    }
}

/// How many rows of a table of the stream are of these shards.
async fn rows_of(cloud: &Cloud, table: &str, shards: &[&Shard]) -> i64 {
    let names: Vec<&str> = shards.iter().map(|shard| shard.name.as_str()).collect();
    let sql = format!("SELECT count(*) FROM stream.{table} WHERE shard = ANY ($1)");
    cloud.database.query_one(&sql, &[&names]).await.unwrap().get(0)
}

async fn is_final(cloud: &Cloud, hour: DateTime<Utc>) -> bool {
    let sql = "SELECT count(*) FROM stream.windows WHERE definition = 'traffic'
               AND window_name = '1h' AND window_start = $1 AND is_final";
    cloud.database.query_one(sql, &[&hour]).await.unwrap().get::<_, i64>(0) > 0
}

#[tokio::test]
async fn shards_that_are_split_and_merged_count_each_click_once_and_hold_up_nobody() {
    let cloud = Cloud::fresh().await;
    let _patient = cloud.variables(&PATIENT);
    let hour = past_hour();
    let minute = |minutes| hour + TimeDelta::minutes(minutes);
    let before = begin_everywhere(&cloud, minute(19)).await;

    // Nobody waits: what is on a shard when it ends is read all the same.
    let mut tally = Tally::new();
    send(&cloud, minute(20), &mut tally).await;
    let parent = cloud.shards().await.remove(0);
    let [left, right] = cloud.split_shard(&parent).await;
    cloud.put_clicks(&everywhere(200, "split", minute(22))).await;
    send(&cloud, minute(22), &mut tally).await;
    let merged = cloud.merge_shards(&left, &right).await;
    cloud.put_clicks(&everywhere(400, "merged", minute(24))).await;
    send(&cloud, minute(24), &mut tally).await;
    *tally.entry(Label::Good).or_default() += 2 * VISITS;
    let sent: u64 = tally.values().sum();
    let counts = cloud.has_read(VISITS + sent).await.since(&before);
    is_as_labelled(&counts, &tally);
    let gone = [&parent, &left, &right];
    assert_eq!(rows_of(&cloud, "shards", &[&parent, &left, &right, &merged]).await, 4);

    // Later clicks end the hour, were it not for the shards that are gone: so far they may be slow.
    let end = hour + TimeDelta::hours(2);
    cloud.put_clicks(&everywhere(600, "last", end)).await;
    let all = cloud.has_read(2 * VISITS + sent).await;
    tick(&cloud).await;
    assert!(watermark(&cloud).await < minute(22));
    let _impatient = cloud.variables(&IMPATIENT);
    let wait = Wait::until("the hour is final");
    while !is_final(&cloud, hour).await {
        wait.pause(100).await;
        tick(&cloud).await;
    }
    tick(&cloud).await;
    for table in ["slices", "open_sessions"] {
        assert_eq!(rows_of(&cloud, table, &gone).await, 0, "{table}");
    }

    let run = hand_over(&cloud).await;
    let landed = Landed::read(&cloud).await;
    let found = silver(&cloud).await;
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), landed.ids());
    assert_eq!(found.len() as u64, all.applied + all.too_late + all.future);
    let figures: Value = final_hour(&cloud, hour).await;
    landed.compare(hour, &figures);
    assert_eq!(figures["events"], all.applied - VISITS);
    let check = in_silver(&cloud, &run).await;
    assert_eq!(check["passed"], true, "{check:#}");

    // The rows of the shards go, in time, and what they counted does not.
    let names = gone.map(|shard| shard.name.as_str());
    let aged = "UPDATE stream.shards SET updated_at = updated_at - interval '10 days'
                WHERE shard = ANY ($1)";
    cloud.database.execute(aged, &[&names.as_slice()]).await.unwrap();
    tick(&cloud).await;
    assert_eq!(rows_of(&cloud, "shards", &gone).await, 0);
    assert_eq!(cloud.stream_counts().await, all);
    cloud.put_clicks(&[click(800, "after", Utc::now())]).await;
    let after = cloud.has_read(2 * VISITS + sent + 1).await;
    assert_eq!(after.since(&all).applied, 1);
}
