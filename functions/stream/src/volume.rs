//! Minutes with unusually few or many events: a producer that is silent is found here, and so is one
//! that sends everything twice.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shopflow_core::Result;
use shopflow_core::settings::Volume;
use shopflow_postgres::PgResultExt;
use shopflow_windows::Micros;
use tokio_postgres::Transaction;

use crate::connection::Connection;
use crate::context::Context;
use crate::moment::{MINUTE, micros, moment};
use crate::outbox::{self, Notice};

/// What is told of in EventBridge.
const DETAIL_TYPE: &str = "Unusual volume";
/// The windows that are looked at.
const DEFINITION: &str = "traffic";
const WINDOW: &str = "1m";
/// The figures that are compared.
const METRICS: [&str; 2] = ["events", "visitors"];
/// Minutes that are judged at most; of earlier ones nobody needs to be told any more.
const JUDGED: Micros = 60;
/// The same minutes a week before, and so many to both sides.
const WEEK: Micros = 7 * 24 * 60;
const BESIDE: Micros = 5;
/// So many of those must be known, to be what is usual.
const WEEK_KNOWN: usize = 6;
/// Otherwise the last minutes are, of which so many must be known.
const LATEST: Micros = 60;
const LATEST_KNOWN: usize = 30;

const READ: &str = "SELECT window_start, figures FROM stream.windows \
     WHERE stream = $1 AND definition = $2 AND window_name = $3 AND key = '{}' \
         AND (window_start >= $4 AND window_start < $5 \
             OR window_start >= $6 AND window_start < $7)";

/// What came of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Findings that are new.
    pub found: u64,
    /// The minute that was closed last is unusual.
    pub is_unusual: bool,
}

/// Compares the minutes that were closed since the last time with what is usual, and puts into the
/// outbox what is not.
///
/// # Errors
/// `Transient.Database`.
pub async fn check(context: &Context, connection: &mut Connection) -> Result<Checked> {
    let stream = context.stream.as_str();
    let transaction = connection.client.transaction().await.or_db("begin volume check")?;
    let sql = "SELECT closed_to, checked_to FROM stream.progress WHERE stream = $1 FOR UPDATE";
    let row = transaction.query_opt(sql, &[&stream]).await.or_db("read progress")?;
    let read = |index: usize| {
        let row = row.as_ref()?;
        row.get::<_, Option<DateTime<Utc>>>(index).map(|moment| micros(moment).div_euclid(MINUTE))
    };
    let Some(closed_to) = read(0) else { return Ok(Checked::default()) };
    let due = due(read(1), closed_to);
    let mut notices = Vec::new();
    let mut is_unusual = false;
    if !due.is_empty() {
        let minutes = minutes(&transaction, stream, due.start, due.end).await?;
        for minute in due {
            let before = notices.len();
            let findings = METRICS
                .into_iter()
                .filter_map(|metric| judge(&minutes, minute, metric, &context.settings.volume));
            notices.extend(findings.map(|finding| notice(stream, minute, &finding)));
            is_unusual = notices.len() > before;
        }
    }
    for notice in &notices {
        tracing::warn!(finding = %notice.detail, "unusual volume");
    }
    let found = outbox::post(&transaction, stream, &notices).await?;
    transaction
        .execute(
            "UPDATE stream.progress SET checked_to = $2 WHERE stream = $1",
            &[&stream, &moment(closed_to * MINUTE)],
        )
        .await
        .or_db("note checked minutes")?;
    transaction.commit().await.or_db("commit volume check")?;
    Ok(Checked { found, is_unusual })
}

/// The minutes to be judged. The one that was closed last is judged with every tick, also when none
/// has been closed since: the alarm counts ticks in a row.
fn due(checked_to: Option<i64>, closed_to: i64) -> Range<i64> {
    // The first minute of a stream is a part of one.
    let from = checked_to.map_or(closed_to, |checked_to| checked_to.min(closed_to - 1));
    from.max(closed_to - JUDGED)..closed_to
}

/// Figures by minute since 1970, of closed minutes with events.
type Minutes = BTreeMap<i64, Value>;

async fn minutes(
    transaction: &Transaction<'_>,
    stream: &str,
    from: i64,
    to: i64,
) -> Result<Minutes> {
    let at = |minute: i64| moment(minute * MINUTE);
    let (latest, week) = (at(from - LATEST), at(from - WEEK - BESIDE));
    let week_end = at(to - WEEK + BESIDE);
    let rows = transaction
        .query(READ, &[&stream, &DEFINITION, &WINDOW, &latest, &at(to), &week, &week_end])
        .await
        .or_db("read minutes")?;
    let minute = |row: &tokio_postgres::Row| micros(row.get(0)).div_euclid(MINUTE);
    Ok(rows.iter().map(|row| (minute(row), row.get(1))).collect())
}

/// A minute that is not as usual.
#[derive(Debug, PartialEq)]
struct Finding {
    metric: &'static str,
    value: f64,
    usual: f64,
    /// What is usual is known from here.
    basis: &'static str,
}

/// Judges a minute; nothing when it is as usual, or nobody knows what is usual.
fn judge(minutes: &Minutes, minute: i64, metric: &'static str, volume: &Volume) -> Option<Finding> {
    let of = |minute: i64| minutes.get(&minute)?.get(metric)?.as_f64();
    let value = of(minute).unwrap_or(0.0);
    let week = (minute - WEEK - BESIDE)..=(minute - WEEK + BESIDE);
    let week = median(week.filter_map(of).collect(), WEEK_KNOWN);
    let latest = || median(((minute - LATEST)..minute).filter_map(of).collect(), LATEST_KNOWN);
    let (usual, basis) = match week {
        Some(usual) => (usual, "the same minutes a week before"),
        None => (latest()?, "the hour before"),
    };
    let minimum = volume.minimum as f64;
    let is_low = usual >= minimum && value < usual * volume.low;
    let is_high = value >= minimum && value > usual * volume.high;
    (is_low || is_high).then_some(Finding { metric, value, usual, basis })
}

fn median(mut values: Vec<f64>, known: usize) -> Option<f64> {
    if values.len() < known.max(1) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(*upper);
    }
    Some((values.get(middle - 1)? + upper) / 2.0)
}

fn notice(stream: &str, minute: i64, finding: &Finding) -> Notice {
    let Finding { metric, value, usual, basis } = finding;
    let (start, end) = (moment(minute * MINUTE), moment((minute + 1) * MINUTE));
    let id = outbox::id(&[DETAIL_TYPE, stream, metric, &minute.to_string()]);
    let detail = json!({
        "id": id,
        "stream": stream,
        "metric": metric,
        "minute": start.to_rfc3339(),
        "value": value,
        "usual": usual,
        "basis": basis,
    });
    Notice { id, detail_type: DETAIL_TYPE, detail, occurred_at: end }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOLUME: Volume = Volume { minimum: 100, low: 0.2, high: 5.0 };

    fn judged(minutes: &[(std::ops::Range<i64>, i64)], minute: i64, value: i64) -> Option<f64> {
        let mut known: Minutes = minutes
            .iter()
            .flat_map(|(range, events)| range.clone().map(|minute| (minute, *events)))
            .map(|(minute, events)| (minute, json!({"events": events})))
            .collect();
        if value > 0 {
            known.insert(minute, json!({"events": value}));
        }
        judge(&known, minute, "events", &VOLUME).map(|finding| finding.usual)
    }

    #[test]
    fn a_minute_is_compared_with_the_same_ones_a_week_before() {
        let minute = 30_000_000;
        let week = [(minute - WEEK - 5..minute - WEEK + 6, 1000), (minute - 60..minute, 200)];
        assert_eq!(judged(&week, minute, 200), None);
        assert_eq!(judged(&week, minute, 199), Some(1000.0));
        assert_eq!(judged(&week, minute, 5000), None);
        assert_eq!(judged(&week, minute, 5001), Some(1000.0));
        // No events at all have no row.
        assert_eq!(judged(&week, minute, 0), Some(1000.0));
    }

    #[test]
    fn without_a_week_before_the_last_hour_says_what_is_usual_if_half_of_it_is_known() {
        let minute = 30_000_000;
        let hour = |known: i64| [(minute - known..minute, 1000)];
        assert_eq!(judged(&hour(30), minute, 0), Some(1000.0));
        assert_eq!(judged(&hour(29), minute, 0), None);
    }

    #[test]
    fn the_minute_that_was_closed_last_is_judged_with_every_tick() {
        assert!(due(None, 100).is_empty());
        assert_eq!(due(Some(98), 100), 98..100);
        assert_eq!(due(Some(100), 100), 99..100);
        assert_eq!(due(Some(10), 100), 100 - JUDGED..100);
    }

    #[test]
    fn small_numbers_are_not_judged() {
        let minute = 30_000_000;
        let hour = [(minute - 60..minute, 99)];
        assert_eq!(judged(&hour, minute, 0), None);
        assert_eq!(judged(&hour, minute, 495), None);
        assert_eq!(judged(&hour, minute, 496), Some(99.0));
        assert_eq!(judged(&[(minute - 60..minute, 3)], minute, 90), None);
    }
}
