//! The join beside one that tries every row.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;

use super::{InMemory, Options, Rows, Side, join};
use crate::{Micros, Type};

/// A row of the spine or of a view: two whole numbers and a text are there to be keys.
#[derive(Debug, Clone)]
struct Row {
    a: Option<i64>,
    b: Option<String>,
    c: Option<i64>,
    event: Micros,
    /// `created_timestamp` of a view's row, `known_timestamp` of one of the spine.
    created: Option<Micros>,
    id: Option<i64>,
}

type Keys = Vec<(String, Type)>;

fn keys(names: &[&str]) -> Keys {
    let kind = |name: &str| if name == "b" { Type::Text } else { Type::Int64 };
    names.iter().map(|name| ((*name).to_owned(), kind(name))).collect()
}

/// Values by which rows with keys are told apart and sorted; `None` where one is missing.
fn key_of(row: &Row, keys: &Keys) -> Option<Vec<(i64, String)>> {
    let value = |(name, _): &(String, Type)| match name.as_str() {
        "a" => row.a.map(|a| (a, String::new())),
        "b" => row.b.clone().map(|b| (0, b)),
        _ => row.c.map(|c| (c, String::new())),
    };
    keys.iter().map(value).collect()
}

fn moments(values: impl Iterator<Item = Option<Micros>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn batch(rows: &[Row], created: &str) -> RecordBatch {
    let ints = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let texts: StringArray = rows.iter().map(|row| row.b.as_deref()).collect();
    let labels: StringArray = rows.iter().map(|row| row.id.map(|id| format!("row {id}"))).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("id", ints(rows.iter().map(|row| row.id).collect()), true),
        ("b", Arc::new(texts) as ArrayRef, true),
        (created, moments(rows.iter().map(|row| row.created)), true),
        ("c", ints(rows.iter().map(|row| row.c).collect()), true),
        ("event_timestamp", moments(rows.iter().map(|row| Some(row.event))), true),
        ("a", ints(rows.iter().map(|row| row.a).collect()), true),
        ("label", Arc::new(labels) as ArrayRef, true),
    ])
    .unwrap()
}

fn batches(rows: &[Row], size: usize, created: &str) -> Vec<RecordBatch> {
    rows.chunks(size).map(|rows| batch(rows, created)).collect()
}

fn spine(rows: &[Row], size: usize) -> Vec<RecordBatch> {
    batches(rows, size, "known_timestamp")
}

fn file(rows: &[Row], size: usize, number: usize) -> Box<dyn Rows> {
    Box::new(InMemory::new(format!("file {number}"), batches(rows, size, "created_timestamp")))
}

fn side(view: &str, keys: Keys, ttl: Option<Micros>, files: Vec<Box<dyn Rows>>) -> Side<'static> {
    Side {
        view: view.to_owned(),
        keys,
        ttl,
        features: vec![("label".to_owned(), Type::Text), ("id".to_owned(), Type::Int64)],
        shows_event_timestamp: true,
        shows_status: true,
        files,
    }
}

/// Id, label, moment and status beside each row of the spine.
type Answer = (Option<i64>, Option<String>, Option<Micros>, String);

fn answers(batches: &[RecordBatch], view: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for batch in batches {
        let column = |name: &str| &batch[format!("{view}__{name}").as_str()];
        let ids = column("id").as_primitive::<Int64Type>();
        let labels = column("label").as_string::<i32>();
        let events = column("event_timestamp").as_primitive::<TimestampMicrosecondType>();
        let statuses = column("status").as_string::<i32>();
        answers.extend((0..batch.num_rows()).map(|row| {
            let label = labels.is_valid(row).then(|| labels.value(row).to_owned());
            let id = ids.is_valid(row).then(|| ids.value(row));
            let event = events.is_valid(row).then(|| events.value(row));
            (id, label, event, statuses.value(row).to_owned())
        }));
    }
    answers
}

fn run(spine: &Vec<RecordBatch>, sides: &[Side<'_>], part_rows: usize) -> Vec<RecordBatch> {
    let options = Options { full_names: true, part_rows };
    let spill = InMemory::default();
    join(spine, sides, &options, &spill).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
}

fn failure(spine: &Vec<RecordBatch>, sides: &[Side<'_>]) -> String {
    let spill = InMemory::default();
    let joined = join(spine, sides, &Options::default(), &spill);
    joined
        .and_then(|mut joined| joined.find_map(Result::err).map_or(Ok(()), Err))
        .unwrap_err()
        .to_string()
}

/// What must be beside a row of the spine, found by trying every row of every file.
fn brute_force(asking: &Row, keys: &Keys, ttl: Option<Micros>, files: &[Vec<Row>]) -> Answer {
    let known = asking.created.unwrap_or(asking.event);
    let key = key_of(asking, keys);
    let rows = files.iter().enumerate().flat_map(|(file, rows)| {
        rows.iter().enumerate().map(move |(at, row)| ((row.event, row.created, file, at), row))
    });
    let best = rows
        .filter(|(_, row)| key.is_some() && key_of(row, keys) == key)
        .filter(|(_, row)| row.event <= asking.event && row.created.unwrap() <= known)
        .max_by_key(|(order, _)| *order);
    match best {
        None => (None, None, None, "missing".to_owned()),
        Some((_, row)) if ttl.is_some_and(|ttl| asking.event - row.event > ttl) => {
            (None, None, None, "outside_ttl".to_owned())
        }
        Some((_, row)) => {
            let label = row.id.map(|id| format!("row {id}"));
            (row.id, label, Some(row.event), "present".to_owned())
        }
    }
}

fn sorted(mut rows: Vec<Row>, keys: &Keys) -> Vec<Row> {
    rows.sort_by_key(|row| (key_of(row, keys), row.event, row.created));
    rows
}

fn a_key() -> impl Strategy<Value = (Option<i64>, Option<String>, Option<i64>)> {
    let number = || prop_oneof![8 => (-2..3_i64).prop_map(Some), 1 => Just(None)];
    let texts = ["", "a", "ab", "customer-0001", "customer-0002", "ä"];
    let text = prop_oneof![
        8 => proptest::sample::select(texts.to_vec()).prop_map(|text| Some(text.to_owned())),
        1 => Just(None)
    ];
    (number(), text, number())
}

/// Rows about few moments, most known soon, some late; several about the same moment.
fn view_rows() -> impl Strategy<Value = Vec<Row>> {
    let delay = prop_oneof![3 => Just(0_i64), 2 => 0..4_i64, 1 => -5..30_i64];
    let row = (a_key(), 0..25_i64, delay).prop_map(|((a, b, c), event, delay)| Row {
        a,
        b,
        c,
        event,
        created: Some(event + delay),
        id: None,
    });
    proptest::collection::vec(row, 0..60)
}

fn spine_rows() -> impl Strategy<Value = Vec<Row>> {
    let earlier = prop_oneof![2 => Just(None), 1 => (0..15_i64).prop_map(Some)];
    let row = (a_key(), -2..30_i64, earlier).prop_map(|((a, b, c), event, earlier)| Row {
        a,
        b,
        c,
        event,
        created: earlier.map(|earlier| event - earlier),
        id: None,
    });
    proptest::collection::vec(row, 0..40)
}

fn some_keys() -> impl Strategy<Value = Keys> {
    let kinds: Vec<&[&str]> = vec![&["a"], &["b"], &["a", "c"], &["a", "b"], &["b", "a"]];
    proptest::sample::select(kinds).prop_map(keys)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_row_gets_what_trying_all_rows_finds_and_nothing_that_was_known_later(
        asking in spine_rows(),
        views in proptest::collection::vec(
            (some_keys(), proptest::collection::vec(view_rows(), 0..4), proptest::option::of(0..12_i64)),
            1..3,
        ),
        size in 1..20_usize,
        part_rows in prop_oneof![Just(1000), 1..12_usize],
    ) {
        let mut id = 0;
        let mut views = views;
        for (keys, files, _) in &mut views {
            for rows in files {
                for row in rows.iter_mut() {
                    id += 1;
                    row.id = (id % 10 != 0).then_some(id);
                }
                *rows = sorted(std::mem::take(rows), keys);
            }
        }
        let asked = spine(&asking, size);
        let sides: Vec<Side<'_>> = views
            .iter()
            .enumerate()
            .map(|(number, (keys, files, ttl))| {
                let files = files.iter().enumerate().map(|(at, rows)| file(rows, size, at)).collect();
                side(&format!("view{number}"), keys.clone(), *ttl, files)
            })
            .collect();
        let joined = run(&asked, &sides, part_rows);
        let spines: Vec<RecordBatch> =
            joined.iter().map(|batch| batch.project(&[0, 1, 2, 3, 4, 5, 6]).unwrap()).collect();
        prop_assert_eq!(spines.iter().map(RecordBatch::num_rows).sum::<usize>(), asking.len());
        if let Some(first) = asked.first() {
            let schema = first.schema();
            let concat = |batches: &[RecordBatch]| arrow::compute::concat_batches(&schema, batches).unwrap();
            prop_assert_eq!(concat(&spines), concat(&asked));
        }
        for (number, (keys, files, ttl)) in views.iter().enumerate() {
            let found = answers(&joined, &format!("view{number}"));
            for (row, answer) in asking.iter().zip(found) {
                prop_assert_eq!(&answer, &brute_force(row, keys, *ttl, files), "{:?}", row);
                if let Some(id) = answer.0 {
                    let taken = files.iter().flatten().find(|row| row.id == Some(id)).unwrap();
                    prop_assert!(taken.created.unwrap() <= row.created.unwrap_or(row.event));
                }
            }
        }
    }
}

fn row(a: i64, event: Micros, created: Option<Micros>, id: i64) -> Row {
    Row { a: Some(a), b: None, c: None, event, created, id: Some(id) }
}

fn asks(a: i64, event: Micros) -> Row {
    row(a, event, None, 0)
}

fn ids(spine: &Vec<RecordBatch>, side: Side<'_>) -> Vec<Option<i64>> {
    let view = side.view.clone();
    answers(&run(spine, &[side], 1000), &view).into_iter().map(|answer| answer.0).collect()
}

#[test]
fn a_late_row_is_not_given_before_it_was_known_and_an_earlier_one_is() {
    let rows = [row(1, 10, Some(11), 1), row(1, 20, Some(50), 2), row(1, 30, Some(31), 3)];
    let asked = spine(&[asks(1, 25), asks(1, 55), asks(1, 9), asks(1, 10), asks(2, 40)], 2);
    let found = ids(&asked, side("v", keys(&["a"]), None, vec![file(&rows, 2, 0)]));
    assert_eq!(found, [Some(1), Some(3), None, None, None]);
}

#[test]
fn a_correction_is_given_once_it_was_known() {
    let rows = [row(1, 10, Some(10), 1), row(1, 10, Some(15), 2), row(1, 10, Some(18), 3)];
    let asked = spine(&[asks(1, 14), asks(1, 15), asks(1, 18), asks(1, 14)], 9);
    let found = ids(&asked, side("v", keys(&["a"]), None, vec![file(&rows, 9, 0)]));
    assert_eq!(found, [Some(1), Some(2), Some(3), Some(1)]);
}

#[test]
fn of_equal_rows_the_one_in_the_later_file_is_given() {
    let files = |order: [i64; 3]| {
        let files = order.map(|id| vec![row(1, 10, Some(10), id)]);
        files.iter().enumerate().map(|(at, rows)| file(rows, 1, at)).collect()
    };
    let asked = spine(&[asks(1, 12)], 1);
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let found = ids(&asked, side("v", keys(&["a"]), None, files(order)));
        assert_eq!(found, [Some(order[2])]);
    }
}

#[test]
fn values_stay_right_when_rows_of_file_after_file_are_replaced() {
    // The last file is read first, and each before it is about a later moment, of fewer keys.
    let files = (0..9).map(|number| {
        let rows =
            (0..number + 2).map(|a| row(a, 90 - number, Some(90 - number), 100 * number + a));
        file(&rows.collect::<Vec<_>>(), 3, number as usize)
    });
    let asked: Vec<Row> = (0..20).map(|at| asks(at / 2, 95)).collect();
    let found = ids(&spine(&asked, 9), side("v", keys(&["a"]), None, files.collect()));
    let expected = (0..20).map(|at| at / 2).map(|a: i64| Some(100 * (a - 1).max(0) + a));
    assert!(found.into_iter().eq(expected));
}

#[test]
fn a_row_exactly_as_old_as_the_ttl_is_given_and_an_older_one_is_not() {
    let rows = [row(1, 10, Some(10), 1)];
    let asked = spine(&[asks(1, 15), asks(1, 16)], 9);
    let sides = [side("v", keys(&["a"]), Some(5), vec![file(&rows, 9, 0)])];
    let found = answers(&run(&asked, &sides, 1000), "v");
    assert_eq!(found[0], (Some(1), Some("row 1".to_owned()), Some(10), "present".to_owned()));
    assert_eq!(found[1], (None, None, None, "outside_ttl".to_owned()));
}

#[test]
fn a_view_without_files_leaves_the_rows_as_they_are() {
    let asked = spine(&[asks(1, 15)], 9);
    let found = answers(&run(&asked, &[side("v", keys(&["b"]), None, Vec::new())], 1000), "v");
    assert_eq!(found, [(None, None, None, "missing".to_owned())]);
    assert!(run(&Vec::new(), &[side("v", keys(&["a"]), None, Vec::new())], 1000).is_empty());
}

#[test]
fn a_file_out_of_order_is_refused_by_name_and_row() {
    let wrong = [
        vec![row(1, 10, Some(10), 1), row(1, 11, Some(11), 2), row(1, 10, Some(12), 3)],
        vec![row(1, 10, Some(10), 1), row(1, 11, Some(12), 2), row(1, 11, Some(11), 3)],
        vec![row(1, 10, Some(10), 1), row(2, 10, Some(10), 2), row(1, 11, Some(12), 3)],
    ];
    // Keys that are null lie outside the order.
    let nothing = Row { a: None, ..row(0, 5, Some(5), 0) };
    for rows in wrong {
        for size in 1..4 {
            for has_null in [false, true] {
                let mut rows = rows.clone();
                rows.splice(1..1, has_null.then(|| nothing.clone()));
                let asked = spine(&[asks(2, 15)], 9);
                let files = vec![file(&[], 1, 0), file(&rows, size, 1)];
                let message = failure(&asked, &[side("v", keys(&["a"]), None, files)]);
                let place = format!("(row={}, view=v, file=file 1)", 2 + usize::from(has_null));
                assert!(message.contains("not sorted") && message.contains(&place), "{message}");
            }
        }
    }
}

#[test]
fn rows_without_a_moment_are_refused_by_number() {
    let rows = [row(1, 10, Some(10), 1), row(1, 11, None, 2)];
    let asked = spine(&[asks(1, 15)], 9);
    let message = failure(&asked, &[side("v", keys(&["a"]), None, vec![file(&rows, 1, 0)])]);
    assert_eq!(message, "a row has no created_timestamp (row=1, view=v, file=file 0)");

    let moments: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]));
    let a: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let ones = RecordBatch::try_from_iter([("a", a), ("event_timestamp", moments)]).unwrap();
    let message =
        failure(&vec![ones.slice(0, 1), ones], &[side("v", keys(&["a"]), None, Vec::new())]);
    assert!(message.starts_with("a row of the spine has no event_timestamp (row=2);"), "{message}");
}

#[test]
fn nothing_can_be_asked_as_known_after_the_moment() {
    let asked = spine(&[asks(1, 15), row(1, 15, Some(15), 0), row(1, 15, Some(16), 0)], 2);
    let message = failure(&asked, &[side("v", keys(&["a"]), None, Vec::new())]);
    assert!(message.starts_with("known_timestamp is after event_timestamp (row=2);"), "{message}");
}

#[test]
fn columns_are_called_by_view_and_feature_or_by_the_feature_where_that_is_enough() {
    let asked = vec![spine(&[asks(1, 15)], 9)[0].project(&[4, 5]).unwrap()];
    let spill = InMemory::default();
    let of = |view: &str, feature: &str| Side {
        features: vec![(feature.to_owned(), Type::Int64)],
        shows_status: false,
        ..side(view, keys(&["a"]), None, Vec::new())
    };
    let names = |sides: &[Side<'_>], full_names| {
        let options = Options { full_names, ..Options::default() };
        let batches: Vec<RecordBatch> =
            join(&asked, sides, &options, &spill)?.collect::<Result<_, _>>()?;
        let fields = batches[0].schema();
        Ok(fields.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>())
    };
    let sides = [of("v", "x"), of("w", "y")];
    let full = ["event_timestamp", "a", "v__x", "v__event_timestamp", "w__y", "w__event_timestamp"];
    assert_eq!(names(&sides, true).unwrap(), full);
    let short = ["event_timestamp", "a", "x", "v__event_timestamp", "y", "w__event_timestamp"];
    assert_eq!(names(&sides, false).unwrap(), short);
    for sides in [[of("v", "x"), of("w", "x")], [of("v", "x"), of("w", "a")]] {
        let error: shopflow_core::Error = names(&sides, false).unwrap_err();
        assert!(error.to_string().starts_with("two columns have the same name"), "{error}");
        assert!(names(&sides, true).is_ok());
    }
}
