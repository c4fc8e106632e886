//! Random histories: late, corrected, moved, withdrawn, told in any order.

use proptest::prelude::*;
use proptest::sample::select;

use super::given::{
    AMOUNT, CATEGORY, Event, HOUR, IS_PURCHASE, QUANTITY, Row, SCORE, SHIPPED_AT, entity, fill,
    keys, kind_of, made, read, source, view,
};
use super::oracle;
use crate::Micros;
use crate::aggregate::{Aggregate, History, Horizon, Plan, SourceRows};
use crate::definition::{AggregateOf, View};
use crate::value::Value;

/// A quarter of an hour: moments often fall on boundaries, and on each other.
const STEP: Micros = HOUR / 4;

fn value_of_each_column() -> impl Strategy<Value = Vec<Value>> {
    fn or_null(values: Vec<Value>) -> impl Strategy<Value = Value> {
        select(values.into_iter().chain([Value::Null]).collect::<Vec<_>>())
    }
    let text = |text: &str| Value::Text(String::from(text));
    (
        or_null([0, 1, -5, 1234, i64::MAX / 1024].map(Value::Int64).to_vec()),
        or_null([1, 2, -3, i64::MAX / 1024].map(Value::Int64).to_vec()),
        or_null([0.0, 0.1, 0.2, 0.3, -0.3, 1e16, -1e16].map(Value::Float64).to_vec()),
        or_null(["toys", "books", "b", "ä"].map(text).to_vec()),
        or_null([true, false].map(Value::Boolean).to_vec()),
        or_null([0, 5, -5].map(Value::Timestamp).to_vec()),
    )
        .prop_map(|(amount, quantity, score, category, is_purchase, shipped_at)| {
            vec![amount, quantity, score, category, is_purchase, shipped_at]
        })
}

/// All versions of one event: known after a while, corrected, moved, in the end maybe withdrawn.
fn versions(steps: i64) -> impl Strategy<Value = Vec<Event>> {
    let delay = prop_oneof![Just(0i64), 0..4i64, Just(96), -20..40i64];
    let later = (1..30i64, prop_oneof![Just(0i64), -10..10i64], value_of_each_column());
    let corrections = proptest::collection::vec(later, 0..3);
    (0..steps, delay, value_of_each_column(), corrections, any::<bool>(), 1..40i64).prop_map(
        |(at, delay, values, corrections, is_withdrawn, withdrawn_after)| {
            let first = Event { at: at * STEP, from: (at + delay) * STEP, to: None, values };
            let mut versions = vec![first];
            for (after, moved, values) in corrections {
                let last = versions.last_mut().unwrap();
                let from = last.from + after * STEP;
                last.to = Some(from);
                let at = last.at + moved * STEP;
                versions.push(Event { at, from, to: None, values });
            }
            if is_withdrawn {
                let last = versions.last_mut().unwrap();
                last.to = Some(last.from + withdrawn_after * STEP);
            }
            versions
        },
    )
}

fn events(steps: i64, most: usize) -> impl Strategy<Value = Vec<Event>> {
    let all = proptest::collection::vec(versions(steps), 0..most);
    all.prop_map(|versions| versions.concat()).prop_shuffle()
}

fn feature(tile: i64) -> impl Strategy<Value = AggregateOf> {
    const ALL: [Aggregate; 9] = [
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Mean,
        Aggregate::Min,
        Aggregate::Max,
        Aggregate::CountDistinct,
        Aggregate::First,
        Aggregate::Last,
        Aggregate::MostFrequent,
    ];
    let columns =
        [None, Some(AMOUNT), Some(QUANTITY), Some(SCORE), Some(CATEGORY), Some(IS_PURCHASE)];
    let columns = columns.into_iter().chain([Some(SHIPPED_AT)]);
    let pairs = columns.flat_map(|column| ALL.map(|aggregate| (aggregate, column)));
    let makes_sense =
        |(aggregate, column): &(Aggregate, _)| aggregate.of(kind_of(*column)).is_some();
    let pairs: Vec<_> = pairs.filter(makes_sense).collect();
    let text = |text: &str| Value::Text(String::from(text));
    let filters = [
        vec![],
        vec![],
        vec![(IS_PURCHASE, vec![Value::Boolean(true)])],
        vec![
            (CATEGORY, vec![text("books"), text("ä"), text("never")]),
            (QUANTITY, vec![Value::Int64(1), Value::Int64(2), Value::Null]),
        ],
        vec![(SCORE, vec![Value::Float64(0.1), Value::Float64(0.3)])],
    ];
    let windows = [Some(1), Some(2), Some(5), None];
    (select(pairs), select(filters.to_vec()), select(windows.to_vec())).prop_map(
        move |((aggregate, column), filter, window)| AggregateOf {
            aggregate,
            column,
            filter,
            window: window.map(|tiles| tiles * tile),
        },
    )
}

fn views() -> impl Strategy<Value = Vec<View>> {
    let one = select(vec![HOUR, 2 * HOUR]).prop_flat_map(|tile| {
        let features = proptest::collection::vec(feature(tile), 1..6);
        features.prop_map(move |features| view("a_view", tile, &features))
    });
    proptest::collection::vec(one, 1..4)
}

/// Moments worth asking for: those when something becomes known, and those beside them.
fn moments(events: &[Event], from: Micros, until: Micros) -> Vec<Micros> {
    let changes = oracle::changes(events);
    let beside = changes.iter().flat_map(|k| [k - 1, *k, k + 1]).chain([from, until]);
    beside.filter(|k| (from..=until).contains(k)).collect()
}

fn check(view: &View, events: &[Event], until: Micros, rows: &[Row]) -> Result<(), TestCaseError> {
    prop_assert!(rows.is_sorted_by_key(|(p, k, _)| (*p, *k)));
    for p in oracle::boundaries(view, events, until) {
        for k in moments(events, p, until) {
            let expected = oracle::values(view, events, p, k);
            prop_assert_eq!(oracle::lookup(rows, p, k), expected, "p {} k {}", p, k);
        }
    }
    Ok(())
}

/// The rows of each view with their customers, of all entities made in one pass.
fn together(
    views: &[View],
    entities: &[Vec<Event>],
    until: Micros,
    at_least: usize,
) -> Vec<Vec<(i64, Row)>> {
    let views: Vec<_> = views.iter().collect();
    let plan = Plan::new(&entity(), &source(), &views).unwrap();
    let mut history = History::new(&plan, Horizon { since: None, until });
    let mut rows = SourceRows::new(&plan);
    let mut made = vec![Vec::new(); views.len()];
    let mut keep = |history: &mut History<'_>, at_least| {
        for (view, batch) in history.take(at_least).unwrap() {
            made[view].extend(keys(&batch).into_iter().zip(read(&batch)));
        }
    };
    for (customer, events) in (0..).zip(entities) {
        fill(&mut rows, events);
        let keys = [Value::Int64(customer), Value::Text(format!("shop {customer}"))];
        history.add(&keys, &mut rows).unwrap();
        keep(&mut history, at_least);
    }
    keep(&mut history, 1);
    made
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_lookup_answers_what_was_known_then(
        views in views(), events in events(24, 6), until in 0..80i64,
    ) {
        let until = until * STEP;
        let made = made(&views, &events, None, until);
        for (view, rows) in views.iter().zip(&made) {
            check(view, &events, until, rows)?;
            // No row more than is needed, and these in order.
            prop_assert_eq!(rows, &oracle::rows(view, &events, until));
        }
    }

    #[test]
    fn no_row_can_be_spared(views in views(), events in events(16, 4)) {
        let until = 60 * STEP;
        let made = made(&views[..1], &events, None, until);
        for left_out in 0..made[0].len() {
            let mut rows = made[0].clone();
            rows.remove(left_out);
            prop_assert!(check(&views[0], &events, until, &rows).is_err());
        }
    }

    #[test]
    fn old_rows_and_an_increment_are_the_full_history(
        views in views(), events in events(24, 6), cuts in proptest::collection::vec(-4..80i64, 1..5),
        until in 0..80i64,
    ) {
        let until = until * STEP;
        let full = made(&views, &events, None, until);
        for cut in cuts.into_iter().map(|cut| cut * STEP).filter(|cut| *cut <= until) {
            let old = made(&views, &events, None, cut);
            let new = made(&views, &events, Some(cut), until);
            for ((full, old), new) in full.iter().zip(old).zip(new) {
                prop_assert!(new.iter().all(|(_, k, _)| *k > cut));
                let mut both = [old, new].concat();
                both.sort_by_key(|(p, k, _)| (*p, *k));
                prop_assert_eq!(full, &both, "cut {}", cut);
            }
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        views in views(),
        (one, other) in events(24, 6).prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
    ) {
        let until = 70 * STEP;
        prop_assert_eq!(made(&views, &one, None, until), made(&views, &other, None, until));
    }

    #[test]
    fn entities_do_not_touch_each_other(
        views in views(), entities in proptest::collection::vec(events(24, 4), 1..6),
        at_least in 1..20usize,
    ) {
        let until = 70 * STEP;
        let together = together(&views, &entities, until, at_least);
        for (customer, events) in (0..).zip(&entities) {
            for (rows, alone) in together.iter().zip(made(&views, events, None, until)) {
                let found = rows.iter().filter(|(it, _)| *it == customer).map(|(_, row)| row);
                prop_assert_eq!(found.cloned().collect::<Vec<_>>(), alone);
            }
        }
        prop_assert!(together.iter().all(|rows| rows.is_sorted_by_key(|(customer, _)| *customer)));
    }

    /// A source grows: what it says of earlier times it has said then.
    #[test]
    fn what_is_learned_later_changes_no_earlier_row(
        views in views(), events in events(24, 6), cut in 0..60i64,
    ) {
        let cut = cut * STEP;
        let mut then = events.clone();
        then.retain(|event| event.from <= cut);
        for event in &mut then {
            event.to = event.to.filter(|to| *to <= cut);
        }
        prop_assert_eq!(made(&views, &then, None, cut), made(&views, &events, None, cut));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn long_histories_are_right_too(views in views(), events in events(400, 120), cut in 0..400i64) {
        let (cut, until) = (cut * STEP, 440 * STEP);
        let full = made(&views, &events, None, until);
        for (view, rows) in views.iter().zip(&full) {
            prop_assert_eq!(rows, &oracle::rows(view, &events, until));
        }
        for (full, new) in full.iter().zip(made(&views, &events, Some(cut), until)) {
            let expected = full.iter().filter(|(_, k, _)| *k > cut);
            prop_assert_eq!(expected.collect::<Vec<_>>(), new.iter().collect::<Vec<_>>());
        }
    }
}
