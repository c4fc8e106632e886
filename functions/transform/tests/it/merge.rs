//! Merging into silver against a brute-force oracle.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use proptest::prelude::*;
use shopflow_core::Dataset;
use shopflow_lake::schema;
use shopflow_transform::incoming::order::{Slot, row_key};
use shopflow_transform::silver::merge::{self, Write};
use shopflow_transform::silver::selection::Place;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// One file: when it is effective, and its rows (day and id to quantity).
#[derive(Debug, Clone)]
struct File {
    effective: i64,
    version: usize,
    rows: BTreeMap<(i32, i64), i32>,
}

/// id, quantity, effective moment, version, day: what a silver row says and where it came from.
type Row = (i64, i32, i64, usize, i32);

fn batch(rows: &[Row]) -> RecordBatch {
    let times = |of: fn(&Row) -> i64| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(of));
        Arc::new(times.with_timezone("UTC"))
    };
    let text = |of: fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let own: [ArrayRef; 6] = [
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| 1))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| 1))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1))),
        times(|row| i64::from(row.4) * MICROS_PER_DAY + row.0),
        text(|_| "paypal".to_owned()),
    ];
    let schema = schema::silver(Dataset::Transactions);
    // Nothing in the columns that came later.
    let later = own.len()..schema.fields().len() - 4;
    let later = later.map(|at| new_null_array(schema.field(at).data_type(), rows.len()));
    let origin = [
        text(|row| format!("run-{}", row.3)),
        text(|row| format!("version-{:03}", row.3)),
        times(|row| row.2),
        times(|row| row.2),
    ];
    let columns = own.into_iter().chain(later).chain(origin).collect();
    RecordBatch::try_new(schema.clone(), columns).unwrap()
}

/// The batch with prices of its own, in ten-thousandths.
fn priced(batch: &RecordBatch, prices: &[Option<i128>]) -> RecordBatch {
    let prices: Decimal128Array = prices.iter().copied().collect();
    let mut columns = batch.columns().to_vec();
    let place = batch.schema().index_of("unit_price").unwrap();
    columns[place] = Arc::new(prices.with_precision_and_scale(12, 4).unwrap());
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let versions = column(schema::SOURCE_VERSION_ID).as_string::<i32>();
    let version = |row| versions.value(row)[8..].parse().unwrap();
    let effective = column(schema::EFFECTIVE_AT).as_primitive::<TimestampMicrosecondType>();
    (0..batch.num_rows())
        .map(|row| {
            (
                batch.column(0).as_primitive::<Int64Type>().value(row),
                batch.column(3).as_primitive::<Int32Type>().value(row),
                effective.value(row),
                version(row),
                (batch.column(4).as_primitive::<TimestampMicrosecondType>().value(row)
                    / MICROS_PER_DAY) as i32,
            )
        })
        .collect()
}

fn incoming(file: &File) -> RecordBatch {
    let rows = file.rows.iter();
    let rows = rows.map(|(slot, quantity)| row_of(file, slot, *quantity));
    batch(&rows.collect::<Vec<_>>())
}

fn row_of(file: &File, (day, id): &(i32, i64), quantity: i32) -> Row {
    (*id, quantity, file.effective, file.version, *day)
}

/// What a merge leaves: the files of a unit, each with the rows in the order of the file.
enum Left {
    Nothing,
    Append(Vec<Row>),
    Rewrite(Vec<Row>),
}

fn merge(
    existing: &[RecordBatch],
    new: &RecordBatch,
    dropped: &HashSet<Slot>,
    whole: bool,
) -> (Left, usize) {
    let merged = merge::merge(Dataset::Transactions, existing, new, dropped, whole).unwrap();
    let loaded = merged.loaded.iter().filter(|loaded| **loaded).count();
    let batches: Vec<Vec<Row>> = existing.iter().chain([new]).map(rows_of).collect();
    let rows = |places: Vec<Place>| -> Vec<Row> {
        let row = |place: &Place| batches[place.batch as usize][place.row as usize];
        assert!(places.iter().all(|place| row(place).4 == place.day));
        places.iter().map(row).collect()
    };
    let left = match merged.write {
        Write::Nothing => Left::Nothing,
        Write::Append(places) => Left::Append(rows(places)),
        Write::Rewrite(places) => Left::Rewrite(rows(places)),
    };
    (left, loaded)
}

/// Merges a file into others; the number of rows that changed them.
fn apply(files: &mut Vec<RecordBatch>, file: &File) -> usize {
    let (left, loaded) = merge(files, &incoming(file), &HashSet::new(), false);
    match left {
        Left::Nothing => {}
        Left::Append(rows) => files.push(batch(&rows)),
        Left::Rewrite(rows) => *files = vec![batch(&rows)],
    }
    loaded
}

fn files() -> impl Strategy<Value = Vec<File>> {
    // The same id on two days is two rows.
    let rows = proptest::collection::btree_map((0..3_i32, 1..5_i64), 1..4_i32, 0..8);
    proptest::collection::vec((0..3_i64, rows), 1..6).prop_map(|files| {
        let numbered = files.into_iter().enumerate();
        numbered.map(|(version, (effective, rows))| File { effective, version, rows }).collect()
    })
}

proptest! {
    #[test]
    fn any_order_of_files_ends_in_the_latest_version_of_each_row(
        (given, shuffled) in files().prop_flat_map(|files| (Just(files.clone()), Just(files).prop_shuffle()))
    ) {
        let mut wanted: BTreeMap<(i32, i64), Row> = BTreeMap::new();
        for file in &given {
            for (slot, quantity) in &file.rows {
                let row = row_of(file, slot, *quantity);
                let known = wanted.entry(*slot).or_insert(row);
                if (row.2, row.3) > (known.2, known.3) {
                    *known = row;
                }
            }
        }
        let mut wanted: Vec<Row> = wanted.into_values().collect();
        wanted.sort_unstable();
        for order in [&given, &shuffled] {
            let mut silver = Vec::new();
            let mut state: BTreeMap<(i32, i64), Row> = BTreeMap::new();
            for file in order {
                let loaded = apply(&mut silver, file);
                // Oracle for the ledger: new keys, and later versions with other values.
                let mut changed = 0;
                for (slot, quantity) in &file.rows {
                    let row = row_of(file, slot, *quantity);
                    match state.get(slot) {
                        None => changed += 1,
                        Some(known) if (row.2, row.3) > (known.2, known.3) => {
                            changed += usize::from(known.1 != row.1);
                        }
                        Some(_) => continue,
                    }
                    state.insert(*slot, row);
                }
                prop_assert_eq!(loaded, changed);
            }
            let mut rows: Vec<Row> = silver.iter().flat_map(rows_of).collect();
            rows.sort_unstable();
            prop_assert_eq!(&rows, &wanted);
        }
    }

    #[test]
    fn merging_the_same_file_again_writes_nothing(files in files()) {
        let mut silver = Vec::new();
        for file in &files {
            apply(&mut silver, file);
        }
        let last = &files[files.len() - 1];
        let (again, _) = merge(&silver, &incoming(last), &HashSet::new(), false);
        prop_assert!(matches!(again, Left::Nothing));
    }
}

#[test]
fn a_file_without_overlap_is_appended_and_only_its_rows_are_written() {
    let existing = [batch(&[(1, 1, 0, 0, 0), (3, 1, 0, 0, 0)]), batch(&[(2, 1, 0, 0, 1)])];
    let new = batch(&[(2, 5, 1, 1, 0), (3, 1, 0, 0, 0), (3, 1, 1, 1, 1)]);
    let (left, loaded) = merge(&existing, &new, &HashSet::new(), false);
    let Left::Append(rows) = left else { panic!("not appended") };
    assert_eq!(rows, [(2, 5, 1, 1, 0), (3, 1, 1, 1, 1)]);
    // That one says the same, and is from the same run.
    assert_eq!(loaded, 3);
}

#[test]
fn rows_added_to_a_small_unit_come_with_those_that_are_there() {
    let existing = [batch(&[(1, 1, 0, 0, 0), (3, 1, 0, 0, 0)])];
    let new = batch(&[(2, 5, 1, 1, 0), (3, 1, 0, 0, 0)]);
    let (left, _) = merge(&existing, &new, &HashSet::new(), true);
    let Left::Rewrite(rows) = left else { panic!("not rewritten") };
    assert_eq!(rows, [(1, 1, 0, 0, 0), (2, 5, 1, 1, 0), (3, 1, 0, 0, 0)]);
    let (again, _) = merge(&[batch(&rows)], &new, &HashSet::new(), true);
    assert!(matches!(again, Left::Nothing));
}

#[test]
fn rewritten_rows_are_sorted_by_day_and_key() {
    let existing = [batch(&[(3, 1, 0, 0, 0), (1, 1, 0, 0, 0)]), batch(&[(1, 1, 0, 0, 2)])];
    let new = batch(&[(3, 2, 1, 1, 0), (2, 5, 1, 1, 1)]);
    let (left, _) = merge(&existing, &new, &HashSet::new(), false);
    let Left::Rewrite(rows) = left else { panic!("not rewritten") };
    assert_eq!(rows, [(1, 1, 0, 0, 0), (3, 2, 1, 1, 0), (2, 5, 1, 1, 1), (1, 1, 0, 0, 2)]);
}

#[test]
fn a_row_that_left_a_day_is_dropped_unless_it_comes_back() {
    let left = |day, id| Slot { day, key: row_key(id) };
    let dropped = HashSet::from([left(0, 1), left(0, 2), left(1, 3)]);
    let existing = [batch(&[(1, 1, 0, 0, 0), (2, 1, 0, 0, 0), (3, 1, 0, 0, 0)])];
    let back = batch(&[(2, 9, 2, 2, 0), (1, 1, 2, 2, 1)]);
    let (left, _) = merge(&existing, &back, &dropped, false);
    let Left::Rewrite(rows) = left else { panic!("not rewritten") };
    assert_eq!(rows, [(2, 9, 2, 2, 0), (3, 1, 0, 0, 0), (1, 1, 2, 2, 1)]);
}

#[test]
fn the_same_file_read_with_more_columns_takes_the_place_of_what_was_read_of_it() {
    let plain = batch(&[(1, 1, 0, 0, 0), (2, 1, 0, 0, 0), (3, 1, 0, 0, 0)]);
    let more = priced(&plain, &[Some(15_000), None, Some(0)]);
    let (left, loaded) = merge(std::slice::from_ref(&plain), &more, &HashSet::new(), false);
    assert!(matches!(left, Left::Rewrite(_)));
    // The second says the same, and is from the same run.
    assert_eq!(loaded, 3);

    let merged = |existing: &RecordBatch, new: &RecordBatch| {
        let existing = std::slice::from_ref(existing);
        merge::merge(Dataset::Transactions, existing, new, &HashSet::new(), false).unwrap()
    };
    let Write::Rewrite(places) = merged(&plain, &more).write else { panic!("not rewritten") };
    let batches: Vec<u32> = places.iter().map(|place| place.batch).collect();
    assert_eq!(batches, [1, 0, 1], "what nothing is added to stays");
    // In the other order, and twice, there is nothing to do.
    for new in [&plain, &more] {
        assert!(matches!(merged(&more, new).write, Write::Nothing));
    }
    // A row with no more values than the one that is there is no news.
    let other = priced(&plain, &[Some(1), Some(2), None]);
    let Write::Rewrite(places) = merged(&more, &other).write else { panic!("not rewritten") };
    let batches: Vec<u32> = places.iter().map(|place| place.batch).collect();
    assert_eq!(batches, [0, 1, 0]);
}
