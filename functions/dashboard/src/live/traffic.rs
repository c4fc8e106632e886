//! What the definition `traffic` counts, from slices of ten seconds where no window is closed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Definition, State};
use tokio_postgres::types::{ToSql, Type};

use super::answer::{Minutes, Recent, Slices, number, text};
use super::clock::{Clock, MINUTE, RECENT, SLICE, floor, steps};
use super::minutes::{Closed, SHOWN};
use super::source::Reading;

const SLICES: &str = "
SELECT slice_start, state FROM stream.slices
WHERE stream = $1 AND definition = $2 AND definition_version = $3 AND slice_start >= $4";

/// What is known of the traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    pub events: Slices,
    pub revenue: Minutes,
    /// With bots.
    pub recent: Option<Recent>,
}

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when a slice cannot be decoded.
pub async fn read(
    reading: &Reading<'_>,
    definition: &Definition,
    closed: &Closed,
) -> Result<Traffic> {
    let (clock, watermark) = (reading.clock, reading.version.watermark);
    // Slices of closed minutes are in the windows, except what the last fifteen minutes count anew.
    let first = first_minute(clock);
    let open = closed.to.map_or(first, |to| floor(to, MINUTE).max(first));
    let slices = Merged::read(reading, definition, open.min(clock.before(RECENT + SLICE))).await?;
    let begun = slices.first().into_iter().chain(closed.first).min();
    // Up to the watermark, a slice that is not there had no events; after it, they may yet come.
    let known = Known { begun, watermark };
    Ok(Traffic {
        events: slices.events(definition, clock, known),
        revenue: slices.revenue(definition, clock, closed),
        recent: slices.recent(definition, clock, known),
    })
}

fn first_minute(clock: Clock) -> DateTime<Utc> {
    clock.minute() - TimeDelta::seconds((SHOWN - 1) * MINUTE)
}

/// The time of which it is known what happened.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The first event.
    begun: Option<DateTime<Utc>>,
    watermark: Option<DateTime<Utc>>,
}

impl Known {
    fn covers(self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        self.begun.is_some_and(|begun| begun <= start)
            && self.watermark.is_some_and(|watermark| end <= watermark)
    }
}

/// Slices by their start, merged over the shards.
struct Merged(BTreeMap<DateTime<Utc>, State>);

impl Merged {
    async fn read(
        reading: &Reading<'_>,
        definition: &Definition,
        since: DateTime<Utc>,
    ) -> Result<Merged> {
        let stream = reading.stream;
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&stream, Type::TEXT),
            (&definition.name, Type::TEXT),
            (&definition.version, Type::TEXT),
            (&since, Type::TIMESTAMPTZ),
        ];
        let rows =
            reading.transaction.query_typed(SLICES, &parameters).await.or_db("read slices")?;
        let mut merged: BTreeMap<DateTime<Utc>, State> = BTreeMap::new();
        for row in &rows {
            let state = State::decode(definition, row.get::<_, &[u8]>(1))?;
            match merged.entry(row.get(0)) {
                Entry::Occupied(mut other) => other.get_mut().merge(definition, &state),
                Entry::Vacant(vacant) => {
                    vacant.insert(state);
                }
            }
        }
        Ok(Merged(merged))
    }

    fn first(&self) -> Option<DateTime<Utc>> {
        self.0.keys().next().copied()
    }

    /// The figures of all slices that start in a time; `None` when there are none.
    fn figures(&self, definition: &Definition, time: Range<DateTime<Utc>>) -> Option<Value> {
        let mut slices = self.0.range(time).map(|(_, state)| state).peekable();
        slices.peek()?;
        let mut sum = State::new(definition);
        for state in slices {
            sum.merge(definition, state);
        }
        Some(sum.figures(definition))
    }

    fn events(&self, definition: &Definition, clock: Clock, known: Known) -> Slices {
        // The last slice that is complete; the one under way ends later.
        let last = clock.before(2 * SLICE);
        let from = last - TimeDelta::seconds(RECENT - SLICE);
        let values: Vec<Option<u64>> = steps(last, SLICE, RECENT / SLICE)
            .map(|start| {
                let end = start + TimeDelta::seconds(SLICE);
                let nothing = known.covers(start, end).then_some(0);
                let figures = self.figures(definition, start..end);
                figures.and_then(|figures| number(&figures, "events")).or(nothing)
            })
            .collect();
        let counted = values.last().copied().flatten();
        let per_second = counted.map(|events| events as f64 / SLICE as f64);
        Slices { per_second, from, step_seconds: SLICE, values }
    }

    fn revenue(&self, definition: &Definition, clock: Clock, closed: &Closed) -> Minutes {
        let minutes = || steps(clock.minute(), MINUTE, SHOWN);
        let counted = |minute: DateTime<Utc>| {
            let end = minute + TimeDelta::seconds(MINUTE);
            text(&self.figures(definition, minute..end)?, "revenue")
        };
        let value = |minute| closed.revenue_of(minute).or_else(|| counted(minute));
        let before = |minute| closed.revenue_of(minute - TimeDelta::days(7));
        Minutes {
            from: first_minute(clock),
            step_seconds: MINUTE,
            values: minutes().map(value).collect(),
            week_before: minutes().map(before).collect(),
        }
    }

    /// The last fifteen minutes, up to the latest event.
    fn recent(&self, definition: &Definition, clock: Clock, known: Known) -> Option<Recent> {
        let since = clock.before(RECENT);
        match self.figures(definition, since..DateTime::<Utc>::MAX_UTC) {
            Some(figures) => Recent::of(since, &figures),
            None => known.covers(since, since).then(|| Recent::nobody(since)),
        }
    }
}
