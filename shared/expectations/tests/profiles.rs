//! Profiles come from the same pass, merge, and suggest suites that their own table meets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use shopflow_expectations::{Options, Plan, State, Suite, suggest};

fn table() -> RecordBatch {
    let n: ArrayRef = Arc::new((0..500).map(|n| Some(n * 2)).collect::<Int64Array>());
    let m: ArrayRef =
        Arc::new((0..500).map(|n| (n % 10 != 0).then_some(n % 7)).collect::<Int64Array>());
    let t: ArrayRef =
        Arc::new((0..500).map(|n| Some(["a", "b", "c"][n % 3])).collect::<StringArray>());
    let email: ArrayRef =
        Arc::new((0..500).map(|n| Some(format!("p{n}@example.org"))).collect::<StringArray>());
    RecordBatch::try_from_iter_with_nullable([
        ("n", n, true),
        ("m", m, true),
        ("t", t, true),
        ("email", email, true),
    ])
    .unwrap()
}

#[test]
fn a_profile_of_parts_is_that_of_the_whole_and_holds_no_personal_value() {
    let table = table();
    let options =
        Options { profile: true, personal: vec!["email".to_owned()], ..Options::default() };
    let plan = Plan::compile(&Suite::new("p"), table.schema(), &options).unwrap();
    let mut whole = State::new(&plan);
    whole.update(&table).unwrap();
    let mut merged = State::new(&plan);
    for (from, length) in [(0, 100), (100, 1), (101, 399)] {
        let mut part = State::new(&plan);
        part.update(&table.slice(from, length)).unwrap();
        merged.merge(part).unwrap();
    }
    let profile = whole.profile().unwrap();
    let mut other = merged.profile().unwrap();
    // Standard deviations differ in the last digit.
    for (a, b) in other.columns.iter_mut().zip(&profile.columns) {
        if let (Some(x), Some(y)) = (a.stdev, b.stdev) {
            assert!((x - y).abs() < 1e-9, "{x} {y}");
            a.stdev = b.stdev;
        }
    }
    assert_eq!(other, profile);

    let [n, m, t, email] = profile.columns.as_slice() else { panic!() };
    assert_eq!((n.distinct, n.nulls, &n.min, &n.max), (500, 0, &0.into(), &998.into()));
    assert_eq!(n.mean, Some(499.0));
    assert_eq!(n.quantiles[3], (0.5, 499.0));
    assert_eq!(n.histogram.iter().map(|bin| bin.count).collect::<Vec<_>>(), [50; 10]);
    assert_eq!((m.nulls, m.distinct), (50, 7));
    assert_eq!((t.top_values[0].value.as_str(), t.top_values[0].count), (Some("a"), 167));
    assert_eq!((email.distinct, email.top_values.len(), email.min.is_null()), (500, 0, true));
    let text = serde_json::to_string(&profile).unwrap();
    assert!(!text.contains("example.org"), "{text}");
}

#[test]
fn the_suggested_suite_is_met_by_its_own_table_and_not_by_a_broken_one() {
    let table = table();
    let options = Options { profile: true, ..Options::default() };
    let plan = Plan::compile(&Suite::new("p"), table.schema(), &options).unwrap();
    let mut state = State::new(&plan);
    state.update(&table).unwrap();
    let suite = suggest("orders", &state.profile().unwrap());
    let names: Vec<&str> = suite.expectations.iter().map(|e| e.name.as_str()).collect();
    for name in [
        "expect_column_values_to_be_unique",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_between",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let read_back = Suite::parse_yaml(&suite.to_yaml()).unwrap();
    let plan = Plan::compile(&read_back, table.schema(), &Options::default()).unwrap();
    let mut state = State::new(&plan);
    state.update(&table).unwrap();
    assert!(state.finish().success, "{:#?}", state.finish());
    state.update(&table).unwrap();
    assert!(!state.finish().success, "every n occurs twice now");
}

#[test]
fn numbers_that_name_something_get_no_mean_and_no_largest_value() {
    let numbers = || Arc::new((0..200).map(|n| n % 40 + 1).collect::<Int64Array>());
    let columns = [("customer_id", numbers() as _), ("quantity", numbers() as _)];
    let table = RecordBatch::try_from_iter(columns).unwrap();
    let options = Options { profile: true, ..Options::default() };
    let plan = Plan::compile(&Suite::new("p"), table.schema(), &options).unwrap();
    let mut state = State::new(&plan);
    state.update(&table).unwrap();
    let suite = suggest("sales", &state.profile().unwrap());
    let of = |column: &str, name: &str| {
        let suggested = suite
            .expectations
            .iter()
            .filter(|one| one.kwargs.get("column") == Some(&column.into()));
        suggested.filter(|one| one.name == name).map(|one| one.kwargs.clone()).next()
    };
    let (mean, between) =
        ("expect_column_mean_to_be_between", "expect_column_values_to_be_between");
    assert!(of("quantity", mean).is_some() && of("customer_id", mean).is_none());
    assert_eq!(of("quantity", between).unwrap()["max_value"], 40);
    let key = of("customer_id", between).unwrap();
    assert_eq!((key.get("min_value"), key.get("max_value")), (Some(&1.into()), None));
}
