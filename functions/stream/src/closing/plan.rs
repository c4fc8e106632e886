//! Which windows a round writes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Definitions, Micros, slice_of};
use tokio_postgres::Transaction;

use crate::moment::{micros, slice_start};

/// The slices that are there.
#[derive(Debug, Default)]
pub struct Overview {
    /// By definition and slice: changed since its windows were written.
    slices: BTreeMap<(usize, i64), bool>,
    /// Slices of earlier versions of a definition.
    foreign: BTreeSet<(usize, i64)>,
}

impl Overview {
    /// Reads which slices there are before the slice `end`.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn read(
        transaction: &Transaction<'_>,
        stream: &str,
        definitions: &Definitions,
        end: i64,
    ) -> Result<Overview> {
        let sql = "SELECT definition, definition_version, slice_start, bool_or(is_changed) \
                   FROM stream.slices WHERE stream = $1 AND slice_start < $2 GROUP BY 1, 2, 3";
        let rows = transaction.query(sql, &[&stream, &slice_start(end)]).await;
        let mut overview = Overview::default();
        for row in &rows.or_db("read slices")? {
            let name: &str = row.get(0);
            let found = definitions.windows.iter().position(|definition| definition.name == name);
            let Some(place) = found else { continue };
            let slice = slice_of(micros(row.get::<_, DateTime<Utc>>(2)));
            if definitions.windows[place].version == row.get::<_, &str>(1) {
                overview.slices.insert((place, slice), row.get(3));
            } else {
                overview.foreign.insert((place, slice));
            }
        }
        Ok(overview)
    }

    /// True when a window holds slices of an earlier version of its definition, with which they
    /// cannot be added up: it keeps the figures it has, or gets none.
    fn is_mixed(&self, definition: usize, start: i64, end: i64) -> bool {
        self.foreign.range((definition, start)..(definition, end)).next().is_some()
    }
}

/// A window to be written. Tasks are in the order of their ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// The first slice behind the window.
    pub end: i64,
    /// By their places.
    pub definition: usize,
    pub window: usize,
    /// Its first slice.
    pub start: i64,
    /// It is closed now; otherwise late events have changed it.
    pub is_new: bool,
}

/// What a round does.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    pub tasks: Vec<Task>,
    /// How far the watermark goes.
    pub watermark: Micros,
    /// Changed slices whose windows are left to the next round.
    pub left: BTreeSet<(usize, i64)>,
    /// Nothing is left to the next round.
    pub is_done: bool,
}

impl Plan {
    /// What is due when the watermark goes from `from` to `target`. First come the windows that late
    /// events have changed, slice by slice, then those that end, end by end: about `most` in all, but
    /// always one slice or end, so that rounds come to an end.
    pub fn of(
        definitions: &Definitions,
        overview: &Overview,
        from: Option<Micros>,
        target: Micros,
        most: usize,
    ) -> Plan {
        let (changed, new) = due(definitions, overview, from, target);
        let mut tasks = BTreeSet::new();
        let mut left = BTreeSet::new();
        for ((slice, place), windows) in changed {
            if tasks.len() < most {
                tasks.extend(windows);
            } else {
                left.insert((place, slice));
            }
        }
        if let (Some(from), false) = (from, left.is_empty()) {
            return Plan {
                tasks: tasks.into_iter().collect(),
                watermark: from,
                left,
                is_done: false,
            };
        }
        let room = most.saturating_sub(tasks.len()).max(1);
        let last = new.iter().nth(room - 1).map(|task| task.end);
        let is_taken = |task: &Task| last.is_none_or(|last| task.end <= last);
        let is_done = new.iter().all(is_taken);
        let reached = last.filter(|_| !is_done).map(shopflow_windows::slice_start);
        tasks.extend(new.iter().filter(|task| is_taken(task)));
        let watermark = reached.unwrap_or(target);
        Plan { tasks: tasks.into_iter().collect(), watermark, left, is_done }
    }
}

/// The closed windows of each changed slice, and the windows that are not closed yet.
type Due = (BTreeMap<(i64, usize), Vec<Task>>, BTreeSet<Task>);

fn due(
    definitions: &Definitions,
    overview: &Overview,
    from: Option<Micros>,
    target: Micros,
) -> Due {
    let closed_to = from.map_or(i64::MIN, slice_of);
    let due_to = slice_of(target);
    let (mut changed, mut new): Due = Default::default();
    for (&(place, slice), &is_changed) in &overview.slices {
        let Some(definition) = definitions.windows.get(place) else { continue };
        for (number, window) in definition.windows.iter().enumerate() {
            for start in window.starts_of(slice) {
                let end = window.end(start);
                if end > due_to || overview.is_mixed(place, start, end) {
                    continue;
                }
                let is_new = end > closed_to;
                let task = Task { end, definition: place, window: number, start, is_new };
                if is_new {
                    new.insert(task);
                } else if is_changed {
                    changed.entry((slice, place)).or_default().push(task);
                }
            }
        }
    }
    (changed, new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shopflow_windows::SLICE_MICROS;

    use super::*;

    fn definitions() -> Definitions {
        Definitions::built_in().unwrap()
    }

    fn overview(slices: &[(usize, i64, bool)]) -> Overview {
        let slices = slices.iter().map(|(place, slice, changed)| ((*place, *slice), *changed));
        Overview { slices: slices.collect(), foreign: BTreeSet::new() }
    }

    #[test]
    fn a_window_is_new_once_and_comes_again_only_if_a_slice_has_changed() {
        let definitions = definitions();
        let place = 0;
        let window = &definitions.windows[place].windows[0];
        let slice = 6_000_000;
        let start = window.starts_of(slice).next().unwrap();
        let end = window.end(start) * SLICE_MICROS;
        let of = |is_changed, from: Option<i64>, target| {
            let plan =
                Plan::of(&definitions, &overview(&[(place, slice, is_changed)]), from, target, 99);
            assert_eq!((plan.watermark, plan.is_done), (target, true));
            let tasks = plan.tasks.iter().filter(|task| task.window == 0 && task.start == start);
            tasks.map(|task| task.is_new).collect::<Vec<bool>>()
        };
        assert!(of(true, None, end - 1).is_empty());
        assert_eq!(of(true, None, end), [true]);
        assert_eq!(of(false, Some(end - 1), end), [true]);
        assert!(of(false, Some(end), end + 1).is_empty());
        assert_eq!(of(true, Some(end), end), [false]);
    }

    #[test]
    fn a_window_with_slices_of_an_earlier_version_is_left_as_it_is() {
        let definitions = definitions();
        let window = &definitions.windows[0].windows[0];
        let start = window.starts_of(6_000_000).next().unwrap();
        let mut overview = overview(&[(0, start, true)]);
        let target = (window.end(start) + 1) * SLICE_MICROS;
        let tasks = |overview: &Overview| {
            let plan = Plan::of(&definitions, overview, None, target, 99);
            plan.tasks.iter().filter(|task| task.window == 0 && task.start == start).count()
        };
        assert_eq!(tasks(&overview), 1);
        overview.foreign.insert((0, window.end(start)));
        assert_eq!(tasks(&overview), 1);
        overview.foreign.insert((0, window.end(start) - 1));
        assert_eq!(tasks(&overview), 0);
    }

    proptest! {
        /// Rounds of any size write the same windows, and leave nothing.
        #[test]
        fn rounds_come_to_the_same_as_one(
            slices in prop::collection::btree_map((0_usize..3, 6_000_000_i64..6_000_800), any::<bool>(), 0..40),
            from in prop::option::of(6_000_000_i64..6_000_800),
            ahead in 0_i64..900,
            most in 1_usize..20,
        ) {
            let definitions = definitions();
            let from = from.map(|slice| slice * SLICE_MICROS + 5);
            let target = from.unwrap_or(6_000_000 * SLICE_MICROS) + ahead * SLICE_MICROS;
            let all = Overview { slices: slices.clone(), foreign: BTreeSet::new() };
            let whole = Plan::of(&definitions, &all, from, target, usize::MAX);
            prop_assert!(whole.is_done && whole.left.is_empty());
            let (mut slices, mut from) = (slices, from);
            let mut tasks = BTreeSet::new();
            for round in 0.. {
                prop_assert!(round < 100_000);
                let now = Overview { slices: slices.clone(), foreign: BTreeSet::new() };
                let plan = Plan::of(&definitions, &now, from, target, most);
                prop_assert!(plan.is_done || !plan.tasks.is_empty());
                prop_assert!(Some(plan.watermark) >= from && plan.watermark <= target);
                tasks.extend(plan.tasks.iter().map(|task| (task.definition, task.window, task.start)));
                for (place, is_changed) in &mut slices {
                    let is_before = place.1 < slice_of(plan.watermark);
                    *is_changed &= !is_before || plan.left.contains(place);
                }
                from = Some(plan.watermark);
                if plan.is_done {
                    break;
                }
            }
            let expected = whole.tasks.iter().map(|task| (task.definition, task.window, task.start));
            prop_assert_eq!(tasks, expected.collect::<BTreeSet<_>>());
        }
    }
}
