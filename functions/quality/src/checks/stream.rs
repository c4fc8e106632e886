//! Does silver hold the clicks that the stream has counted?
//!
//! Both get the same clicks, and share nothing on the way: windows are sums of what Kinesis
//! brought, silver is made of the files that the stream hands over to the pipeline. What is
//! compared are the final windows of an hour, once silver has all that the stream knows of it.

mod clicks;

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use shopflow_core::{Result, Storage};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::{ToSql, Type};

use super::dates::list;
use super::{Check, Layer};
pub use clicks::Sums;

/// An hour that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    pub start: DateTime<Utc>,
    /// The windows of the stream.
    pub windows: Sums,
    /// Clicks that came when their window was final; they are in no window.
    pub too_late: i64,
    /// Clicks that came before their time; they are in no window either.
    pub future: i64,
    pub silver: Sums,
}

/// What the stream and silver say about the same hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamFacts {
    pub hours: Vec<Hour>,
    /// Hours with clicks that silver does not have yet.
    pub waiting: i64,
    /// Hours whose files in silver are too large to be read.
    pub unread: i64,
}

/// Final hours of the last two days of the stream's own time. Without a stream there is no row, and
/// nothing else is asked.
const HOURS: &str = "
SELECT w.window_start, coalesce(sum((w.figures ->> 'events')::bigint), 0)::bigint,
       coalesce(sum(round((w.figures ->> 'revenue')::numeric * 100)), 0)::bigint
FROM stream.progress AS p
JOIN stream.windows AS w
  ON w.stream = p.stream AND w.definition = 'traffic' AND w.window_name = '1h'
 -- The window ended an hour later.
 AND w.window_start > p.watermark - interval '49 hours'
GROUP BY w.window_start
HAVING bool_and(w.is_final)
ORDER BY w.window_start";

/// What else the stream knows of these hours: clicks that are in no window, and whether some of its
/// objects with clicks of the hour are not in silver. A file that was handed over is known by its
/// key.
const BESIDES: &str = "
WITH transformed AS MATERIALIZED (
    SELECT DISTINCT entry #>> '{source,key}' AS object_key
    FROM ops.lake_queue
    WHERE dataset = 'clickstream' AND transformed_at IS NOT NULL
), waiting AS MATERIALIZED (
    SELECT first_event, last_event FROM stream.staged WHERE handover IS NULL
    UNION ALL
    SELECT s.first_event, s.last_event
    FROM stream.handovers AS h
    LEFT JOIN transformed AS t ON t.object_key = h.object_key
    JOIN stream.staged AS s ON s.stream = h.stream AND s.handover = h.object_key
    WHERE h.written_at IS NULL OR t.object_key IS NULL
), besides AS (
    SELECT date_trunc('hour', minute, 'UTC') AS hour,
           sum(events) FILTER (WHERE definition = 'traffic') AS too_late,
           sum(events) FILTER (WHERE definition = 'future') AS future
    FROM stream.too_late
    WHERE definition IN ('traffic', 'future')
    GROUP BY 1
)
SELECT coalesce(b.too_late, 0)::bigint, coalesce(b.future, 0)::bigint,
       EXISTS (SELECT FROM waiting AS w
               WHERE w.first_event < h.hour + interval '1 hour' AND w.last_event >= h.hour)
FROM unnest($1::timestamptz[]) AS h (hour)
LEFT JOIN besides AS b USING (hour)
ORDER BY h.hour";

/// Asks Postgres, and reads the clicks of the same hours in silver. No `transform` must be under
/// way meanwhile.
///
/// # Errors
/// `Transient.Database` or `Transient.Storage`; `Internal` when the schema or a file is not as
/// expected.
pub async fn measure(client: &Client, storage: &Storage, bucket: &str) -> Result<StreamFacts> {
    let failed = "measure the stream";
    let windows = client.query_typed(HOURS, &[]).await.or_db(failed)?;
    if windows.is_empty() {
        return Ok(StreamFacts::default());
    }
    let starts: Vec<DateTime<Utc>> = windows.iter().map(|row| row.get(0)).collect();
    let hours: [(&(dyn ToSql + Sync), Type); 1] = [(&starts, Type::TIMESTAMPTZ_ARRAY)];
    let besides = client.query_typed(BESIDES, &hours).await.or_db(failed)?;

    let mut facts = StreamFacts::default();
    let mut settled: Vec<Hour> = Vec::new();
    // Both answers are in the order of the hours.
    for (window, besides) in windows.iter().zip(&besides) {
        if besides.get::<_, bool>(2) {
            facts.waiting += 1;
            continue;
        }
        settled.push(Hour {
            start: window.get(0),
            windows: Sums { events: window.get(1), cents: window.get(2) },
            too_late: besides.get(0),
            future: besides.get(1),
            silver: Sums::default(),
        });
    }
    let numbers: BTreeSet<i64> = settled.iter().map(|hour| clicks::hour_of(hour.start)).collect();
    let silver = clicks::measure(storage, bucket, &numbers).await?;
    for hour in settled {
        match silver.get(&clicks::hour_of(hour.start)) {
            Some(sums) => facts.hours.push(Hour { silver: *sums, ..hour }),
            None => facts.unread += 1,
        }
    }
    Ok(facts)
}

impl Hour {
    /// Clicks that are in no window and may be in silver. Whether they repeat others is not known:
    /// one that comes twice is two of them and one row in silver.
    fn besides(&self) -> i64 {
        self.too_late + self.future
    }

    /// What the windows have and silver lacks.
    fn missing(&self) -> Sums {
        self.lacking(self.windows, self.silver)
    }

    /// What silver has and the stream lacks.
    fn more(&self) -> Sums {
        let known = Sums { events: self.windows.events + self.besides(), ..self.windows };
        self.lacking(self.silver, known)
    }

    /// What is in `all` and not in `found`. What was paid with the clicks that are in no window is
    /// not known.
    fn lacking(&self, all: Sums, found: Sums) -> Sums {
        let cents = if self.besides() == 0 { (all.cents - found.cents).max(0) } else { 0 };
        Sums { events: (all.events - found.events).max(0), cents }
    }
}

/// Checks of silver against the stream; none where nothing can be compared.
pub fn judge(facts: &StreamFacts) -> Vec<Check> {
    if facts.hours.is_empty() {
        return Vec::new();
    }
    let missing = differing(facts, Hour::missing);
    let more = differing(facts, Hour::more);
    let in_windows: i64 = facts.hours.iter().map(|hour| hour.windows.events).sum();
    let known = in_windows + facts.hours.iter().map(Hour::besides).sum::<i64>();
    let hours = counted(facts.hours.len() as i64, "hour");
    let check = |name: &str, differing: &[(DateTime<Utc>, Sums)], rest: &str| {
        let text = |sums: Sums| format!("{sums} {rest} in {hours}");
        let found = differing.iter().fold(Sums::default(), |all, (_, sums)| all.and(*sums));
        Check::equal(Layer::Stream, name, text(Sums::default()), text(found))
    };

    let lost = list("fewer in", &named(&missing));
    let lost = [lost, besides(facts), left_out(facts)];
    let in_silver =
        check("stream.clicks.in_silver", &missing, &format!("missing of {in_windows} events"))
            .detail(sentence(&lost));
    let brought = match more.is_empty() {
        true => String::new(),
        false => "files may have brought clicks that the stream did not".to_owned(),
    };
    let added = [list("more in", &named(&more)), brought, besides(facts), left_out(facts)];
    let same = check("stream.clicks.same_in_silver", &more, &format!("more than {known} events"))
        .warning()
        .detail(sentence(&added));
    vec![in_silver, same]
}

fn differing(facts: &StreamFacts, of: fn(&Hour) -> Sums) -> Vec<(DateTime<Utc>, Sums)> {
    let hours = facts.hours.iter().map(|hour| (hour.start, of(hour)));
    hours.filter(|(_, sums)| *sums != Sums::default()).collect()
}

/// `2026-01-15T10:00Z (3 events)`, each.
fn named(differing: &[(DateTime<Utc>, Sums)]) -> Vec<String> {
    let hour = |start: &DateTime<Utc>| start.format("%Y-%m-%dT%H:%MZ").to_string();
    differing.iter().map(|(start, sums)| format!("{} ({sums})", hour(start))).collect()
}

/// How many clicks are in no window; empty where every one is in one.
fn besides(facts: &StreamFacts) -> String {
    let sum = |of: fn(&Hour) -> i64| facts.hours.iter().map(of).sum::<i64>();
    let kinds = [
        (sum(|hour| hour.too_late), "too late for the windows"),
        (sum(|hour| hour.future), "with a time that had not come"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(events, _)| *events > 0)
        .map(|(events, what)| format!("{} {what}", counted(*events, "event")))
        .collect();
    match kinds.is_empty() {
        true => String::new(),
        false => format!("besides {}, repeats included", kinds.join(" and ")),
    }
}

/// The hours that are not compared; empty when all are.
fn left_out(facts: &StreamFacts) -> String {
    let kinds = [
        (facts.waiting, "not compared yet, since events of the stream are on their way to silver"),
        (facts.unread, "not compared, since the files in silver are too large"),
    ];
    let kinds = kinds.iter().filter(|(hours, _)| *hours > 0);
    let kinds: Vec<String> =
        kinds.map(|(hours, why)| format!("{} {why}", counted(*hours, "hour"))).collect();
    kinds.join("; ")
}

fn sentence(parts: &[String]) -> String {
    let parts: Vec<&str> =
        parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn counted(count: i64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

impl Sums {
    fn and(self, other: Sums) -> Sums {
        Sums { events: self.events + other.events, cents: self.cents + other.cents }
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = counted(self.events, "event");
        let revenue = format!("revenue of {}.{:02}", self.cents / 100, self.cents % 100);
        match (self.events, self.cents) {
            (0, 0) => f.write_str("nothing"),
            (_, 0) => f.write_str(&events),
            (0, _) => f.write_str(&revenue),
            (_, _) => write!(f, "{events} and {revenue}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Severity;

    fn hour(hour: u32, windows: (i64, i64), silver: (i64, i64)) -> Hour {
        let sums = |(events, cents)| Sums { events, cents };
        Hour {
            start: format!("2026-01-15T{hour:02}:00:00Z").parse().unwrap(),
            windows: sums(windows),
            too_late: 0,
            future: 0,
            silver: sums(silver),
        }
    }

    fn judged(hours: &[Hour]) -> [Check; 2] {
        let facts = StreamFacts { hours: hours.to_vec(), ..StreamFacts::default() };
        judge(&facts).try_into().unwrap()
    }

    #[test]
    fn equal_hours_have_nothing_to_tell() {
        let [in_silver, same] =
            judged(&[hour(9, (60, 1250), (60, 1250)), hour(10, (1, 0), (1, 0))]);
        assert!(in_silver.passed && same.passed);
        assert_eq!(in_silver.actual, "nothing missing of 61 events in 2 hours");
        assert_eq!(same.actual, "nothing more than 61 events in 2 hours");
        assert_eq!((in_silver.detail, same.detail), (None, None));
    }

    #[test]
    fn what_silver_lacks_in_one_hour_is_not_made_up_for_by_another() {
        let [in_silver, same] =
            judged(&[hour(9, (60, 1250), (59, 1250)), hour(10, (60, 0), (61, 0))]);
        assert_eq!((in_silver.passed, in_silver.severity), (false, Severity::Critical));
        assert_eq!(in_silver.expected, "nothing missing of 120 events in 2 hours");
        assert_eq!(in_silver.actual, "1 event missing of 120 events in 2 hours");
        assert_eq!(in_silver.detail.as_deref(), Some("fewer in 2026-01-15T09:00Z (1 event)"));
        assert_eq!((same.passed, same.severity), (false, Severity::Warning));
        assert_eq!(same.actual, "1 event more than 120 events in 2 hours");
        let detail = same.detail.unwrap();
        assert!(detail.starts_with("more in 2026-01-15T10:00Z (1 event); files may"), "{detail}");
    }

    #[test]
    fn revenue_counts_where_events_agree() {
        let [in_silver, same] = judged(&[hour(9, (60, 2505), (60, 1250))]);
        assert_eq!((in_silver.passed, same.passed), (false, true));
        assert_eq!(in_silver.actual, "revenue of 12.55 missing of 60 events in 1 hour");
        let [in_silver, same] = judged(&[hour(9, (60, 5), (62, 10))]);
        assert_eq!((in_silver.passed, same.passed), (true, false));
        assert_eq!(same.actual, "2 events and revenue of 0.05 more than 60 events in 1 hour");
    }

    #[test]
    fn events_in_no_window_may_be_in_silver_or_repeat_others() {
        let with =
            |silver: i64| Hour { too_late: 2, future: 1, ..hour(9, (60, 100), (silver, 900)) };
        for silver in 60..=63 {
            let [in_silver, same] = judged(&[with(silver)]);
            assert!(in_silver.passed && same.passed, "{silver}");
            let besides = "besides 2 events too late for the windows and 1 event with a time \
                           that had not come, repeats included";
            assert_eq!(in_silver.detail.as_deref(), Some(besides));
            assert_eq!(same.actual, "nothing more than 63 events in 1 hour");
        }
        let [in_silver, same] = judged(&[with(59)]);
        assert_eq!((in_silver.passed, same.passed), (false, true));
        let [in_silver, same] = judged(&[with(64)]);
        assert_eq!((in_silver.passed, same.passed), (true, false));
        assert_eq!(same.actual, "1 event more than 63 events in 1 hour");
    }

    #[test]
    fn hours_that_are_not_compared_are_counted_and_without_any_other_there_is_no_check() {
        let hours = vec![hour(9, (1, 0), (1, 0))];
        let facts = StreamFacts { hours, waiting: 2, unread: 1 };
        let detail = judge(&facts)[0].detail.clone().unwrap();
        assert!(detail.starts_with("2 hours not compared yet"), "{detail}");
        assert!(detail.contains("; 1 hour not compared, since the files"), "{detail}");
        assert!(judge(&StreamFacts { hours: Vec::new(), ..facts }).is_empty());
    }
}
