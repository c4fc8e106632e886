//! Merging into a silver partition against a brute-force oracle.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use proptest::prelude::*;
use shopflow_core::Dataset;
use shopflow_lake::schema;
use shopflow_transform::incoming::order::row_key;
use shopflow_transform::silver::merge::{self, Write};

/// One file: when it is effective, and its rows (id to quantity).
#[derive(Debug, Clone)]
struct File {
    effective: i64,
    version: usize,
    rows: BTreeMap<i64, i32>,
}

/// id, quantity, effective moment, version: what a silver row says and where it came from.
type Row = (i64, i32, i64, usize);

fn batch(rows: &[Row]) -> RecordBatch {
    let times = |of: fn(&Row) -> i64| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(of));
        Arc::new(times.with_timezone("UTC"))
    };
    let text = |of: fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| 1))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| 1))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1))),
        times(|_| 0),
        text(|_| "paypal".to_owned()),
        text(|row| format!("run-{}", row.3)),
        text(|row| format!("version-{:03}", row.3)),
        times(|row| row.2),
        times(|row| row.2),
    ];
    RecordBatch::try_new(schema::silver(Dataset::Transactions), columns).unwrap()
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
    let version = |row| batch.column(7).as_string::<i32>().value(row)[8..].parse().unwrap();
    (0..batch.num_rows())
        .map(|row| {
            (
                batch.column(0).as_primitive::<Int64Type>().value(row),
                batch.column(3).as_primitive::<Int32Type>().value(row),
                batch.column(9).as_primitive::<TimestampMicrosecondType>().value(row),
                version(row),
            )
        })
        .collect()
}

fn incoming(file: &File) -> RecordBatch {
    let rows =
        file.rows.iter().map(|(id, quantity)| (*id, *quantity, file.effective, file.version));
    batch(&rows.collect::<Vec<_>>())
}

/// Merges a file; returns the partition and the number of rows that changed it.
fn apply(partition: &RecordBatch, file: &File) -> (RecordBatch, usize) {
    let none = HashSet::new();
    let merged =
        merge::partition(Dataset::Transactions, partition, &incoming(file), &none, false).unwrap();
    let loaded = merged.loaded.iter().filter(|loaded| **loaded).count();
    let partition = match merged.write {
        Write::Nothing => partition.clone(),
        Write::Append(rows) => concat_batches(&rows.schema(), [partition, &rows]).unwrap(),
        Write::Rewrite(rows) => rows,
    };
    (partition, loaded)
}

fn files() -> impl Strategy<Value = Vec<File>> {
    let rows = proptest::collection::btree_map(1..8_i64, 1..4_i32, 0..8);
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
        let mut wanted: BTreeMap<i64, Row> = BTreeMap::new();
        for file in &given {
            for (id, quantity) in &file.rows {
                let row = (*id, *quantity, file.effective, file.version);
                let known = wanted.entry(*id).or_insert(row);
                if (row.2, row.3) > (known.2, known.3) {
                    *known = row;
                }
            }
        }
        let wanted: Vec<Row> = wanted.into_values().collect();
        for order in [&given, &shuffled] {
            let mut partition = batch(&[]);
            let mut state: BTreeMap<i64, Row> = BTreeMap::new();
            for file in order {
                let (next, loaded) = apply(&partition, file);
                // Oracle for the ledger: new keys, and later versions with other values.
                let mut changed = 0;
                for (id, quantity) in &file.rows {
                    let row = (*id, *quantity, file.effective, file.version);
                    match state.get(id) {
                        None => changed += 1,
                        Some(known) if (row.2, row.3) > (known.2, known.3) => {
                            changed += usize::from(known.1 != row.1);
                        }
                        Some(_) => continue,
                    }
                    state.insert(*id, row);
                }
                prop_assert_eq!(loaded, changed);
                partition = next;
            }
            let mut rows = rows_of(&partition);
            rows.sort_unstable();
            prop_assert_eq!(&rows, &wanted);
        }
    }

    #[test]
    fn merging_the_same_file_again_writes_nothing(files in files()) {
        let mut partition = batch(&[]);
        for file in &files[..files.len() - 1] {
            partition = apply(&partition, file).0;
        }
        let last = &files[files.len() - 1];
        let (after, _) = apply(&partition, last);
        let none = HashSet::new();
        let again = merge::partition(Dataset::Transactions, &after, &incoming(last), &none, false).unwrap();
        prop_assert!(matches!(again.write, Write::Nothing));
    }
}

#[test]
fn a_file_without_overlap_is_appended_and_only_its_rows_are_written() {
    let none = HashSet::new();
    let existing = batch(&[(1, 1, 0, 0), (3, 1, 0, 0)]);
    let new = batch(&[(2, 5, 1, 1), (3, 1, 0, 0)]);
    let merged = merge::partition(Dataset::Transactions, &existing, &new, &none, false).unwrap();
    let Write::Append(rows) = merged.write else { panic!("{:?}", merged.write) };
    assert_eq!(rows_of(&rows), [(2, 5, 1, 1)]);
}

#[test]
fn rows_added_to_a_small_partition_come_with_those_that_are_there() {
    let none = HashSet::new();
    let existing = batch(&[(1, 1, 0, 0), (3, 1, 0, 0)]);
    let new = batch(&[(2, 5, 1, 1), (3, 1, 0, 0)]);
    let merged = merge::partition(Dataset::Transactions, &existing, &new, &none, true).unwrap();
    let Write::Rewrite(rows) = merged.write else { panic!("{:?}", merged.write) };
    assert_eq!(rows_of(&rows), [(1, 1, 0, 0), (2, 5, 1, 1), (3, 1, 0, 0)]);
    let again = merge::partition(Dataset::Transactions, &rows, &new, &none, true).unwrap();
    assert!(matches!(again.write, Write::Nothing), "{:?}", again.write);
}

#[test]
fn a_rewritten_partition_is_sorted_by_key() {
    let none = HashSet::new();
    let existing = batch(&[(3, 1, 0, 0), (1, 1, 0, 0)]);
    let new = batch(&[(2, 5, 1, 1), (3, 2, 1, 1)]);
    let merged = merge::partition(Dataset::Transactions, &existing, &new, &none, false).unwrap();
    let Write::Rewrite(rows) = merged.write else { panic!("{:?}", merged.write) };
    assert_eq!(rows_of(&rows), [(1, 1, 0, 0), (2, 5, 1, 1), (3, 2, 1, 1)]);
}

#[test]
fn a_row_that_left_is_dropped_unless_it_comes_back() {
    let left = HashSet::from([row_key(1), row_key(2)]);
    let existing = batch(&[(1, 1, 0, 0), (2, 1, 0, 0), (3, 1, 0, 0)]);
    let back = batch(&[(2, 9, 2, 2)]);
    let merged = merge::partition(Dataset::Transactions, &existing, &back, &left, false).unwrap();
    let Write::Rewrite(rows) = merged.write else { panic!("{:?}", merged.write) };
    assert_eq!(rows_of(&rows), [(2, 9, 2, 2), (3, 1, 0, 0)]);
}
