//! However rows are split, merged, stored and read back, the verdict is that of the whole.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use serde_json::Value;
use shopflow_expectations::{Options, Plan, State, Suite};

const SUITE: &str = "
suite: all
key_columns: [id]
expectations:
- expect_table_row_count_to_be_between: {min_value: 3, row_condition: 'n > 2', condition_parser: pandas}
- expect_column_values_to_not_be_null: {column: n, mostly: 0.5}
- expect_column_values_to_be_unique: {column: n}
- expect_column_values_to_be_unique: {column: t}
- expect_column_values_to_be_between: {column: f, min_value: -1.5, max_value: 2}
- expect_column_values_to_be_between: {column: n, max_value: 3, row_condition: 't != \"a\" or f.isnull()'}
- expect_column_values_to_be_in_set: {column: t, value_set: [a, b]}
- expect_column_values_to_match_regex: {column: t, regex: '^[a-c]*$'}
- expect_column_values_to_be_increasing: {column: n}
- expect_column_values_to_be_decreasing: {column: f, strictly: true}
- expect_column_value_z_scores_to_be_less_than: {column: f, threshold: 1, double_sided: true}
- expect_column_min_to_be_between: {column: n, min_value: 0}
- expect_column_max_to_be_between: {column: t, max_value: b}
- expect_column_mean_to_be_between: {column: n, min_value: 1}
- expect_column_stdev_to_be_between: {column: f, max_value: 1}
- expect_column_sum_to_be_between: {column: f, max_value: 1}
- expect_column_median_to_be_between: {column: f, max_value: 1}
- expect_column_quantile_values_to_be_between:
    column: n
    quantile_ranges: {quantiles: [0.1, 0.9], value_ranges: [[0, 2], [2, null]]}
- expect_column_unique_value_count_to_be_between: {column: t, max_value: 3}
- expect_column_proportion_of_unique_values_to_be_between: {column: n, min_value: 0.5}
- expect_column_most_common_value_to_be_in_set: {column: t, value_set: [a], ties_okay: true}
- expect_column_distinct_values_to_equal_set: {column: t, value_set: [a, b]}
- expect_column_kl_divergence_to_be_less_than:
    column: n
    partition_object: {bins: [0, 2, 4], weights: [0.5, 0.5]}
    tail_weight_holdout: 0.1
    threshold: 0.5
- expect_column_pair_values_to_be_equal: {column_A: n, column_B: f}
- expect_compound_columns_to_be_unique: {column_list: [n, t]}
- expect_multicolumn_sum_to_equal: {column_list: [n, f], sum_total: 3}
";

type Row = (Option<i64>, Option<f64>, Option<String>);

fn table(rows: &[Row]) -> RecordBatch {
    let ids: ArrayRef = Arc::new((0..rows.len() as i64).collect::<Int64Array>());
    let n: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
    let f: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>());
    let t: ArrayRef = Arc::new(rows.iter().map(|row| row.2.as_deref()).collect::<StringArray>());
    RecordBatch::try_from_iter_with_nullable([
        ("id", ids, true),
        ("n", n, true),
        ("f", f, true),
        ("t", t, true),
    ])
    .unwrap()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let float = prop_oneof![
        6 => (-4i32..5).prop_map(|n| f64::from(n) / 2.0),
        1 => Just(f64::NAN),
        1 => -1e9..1e9f64,
    ];
    let row = (
        prop::option::weighted(0.8, -1i64..6),
        prop::option::weighted(0.8, float),
        prop::option::weighted(0.8, "[a-dü]{0,2}"),
    );
    prop::collection::vec(row, 0..60)
}

/// Equal up to the rounding of floats. Repeated values are listed when they come again within one
/// part, so the lists of uniqueness depend on the split; their counts do not.
fn assert_same(a: &Value, b: &Value, path: &str) {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            assert!((x - y).abs() <= 1e-7 * x.abs().max(y.abs()).max(1.0), "{path}: {x} {y}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{path}: {a:?} {b:?}");
            a.iter()
                .zip(b)
                .enumerate()
                .for_each(|(at, (a, b))| assert_same(a, b, &format!("{path}/{at}")));
        }
        (Value::Object(a), Value::Object(b)) => {
            let unique = a
                .get("expectation_config")
                .is_some_and(|config| config.to_string().contains("be_unique"));
            assert!(a.keys().eq(b.keys()), "{path}: {a:?} {b:?}");
            for (name, value) in a {
                if unique && name == "result" {
                    let counts = ["element_count", "unexpected_count", "missing_count"];
                    counts
                        .iter()
                        .for_each(|count| assert_eq!(value[count], b[name][count], "{path}"));
                    continue;
                }
                assert_same(value, &b[name], &format!("{path}/{name}"));
            }
        }
        _ => assert_eq!(a, b, "{path}"),
    }
}

fn check(rows: &[Row], cuts: &[usize], options: &Options) {
    let table = table(rows);
    let suite = Suite::parse_yaml(SUITE).unwrap();
    let plan = Plan::compile(&suite, table.schema(), options).unwrap_or_else(|p| panic!("{p:#?}"));
    let mut whole = State::new(&plan);
    whole.update(&table).unwrap();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (rows.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(rows.len());
    let mut merged = State::new(&plan);
    let mut from = 0;
    for cut in cuts {
        let mut part = State::new(&plan);
        part.update(&table.slice(from, cut - from)).unwrap();
        let text = part.to_json().unwrap().to_string();
        let stored = State::from_json(&plan, serde_json::from_str(&text).unwrap()).unwrap();
        merged.merge(stored).unwrap();
        from = cut;
    }
    assert_same(&merged.finish().to_json(), &whole.finish().to_json(), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn split_anywhere_and_merged_is_the_whole(
        rows in rows(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        check(&rows, &cuts, &Options::default());
    }

    #[test]
    fn sketches_do_not_depend_on_the_split_either(
        rows in rows(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        // Limits so low that counts of values become sketches.
        let options = Options { max_numbers: 4, max_distinct: 3, ..Options::default() };
        check(&rows, &cuts, &options);
    }
}

#[test]
fn states_of_different_plans_do_not_merge() {
    let table = table(&[(Some(1), None, None)]);
    let plan = |text: &str| {
        Plan::compile(&Suite::parse_yaml(text).unwrap(), table.schema(), &Options::default())
            .unwrap()
    };
    let one = plan("suite: s\nexpectations:\n- expect_column_values_to_not_be_null: {column: n}\n");
    let other =
        plan("suite: s\nexpectations:\n- expect_column_values_to_not_be_null: {column: f}\n");
    assert!(State::new(&one).merge(State::new(&other)).is_err());
    assert!(State::from_json(&one, State::new(&other).to_json().unwrap()).is_err());
}
