//! Expectations about the table.

use serde_json::{Value, json};

use crate::builder::Builder;
use crate::evidence::Judge;
use crate::metric::Metric;
use crate::metric::MetricId;
use crate::outcome::Outcome;
use crate::spec::{Domain, Spec};

const fn spec(
    name: &'static str,
    description: &'static str,
    arguments: &'static [&'static str],
    build: fn(&mut Builder<'_>) -> Option<Judge>,
) -> Spec {
    Spec { name, description, arguments, domain: Domain::Table, build }
}

pub(crate) const SPECS: &[Spec] = &[
    spec(
        "expect_table_row_count_to_be_between",
        "there are so many rows",
        &[
            "min_value",
            "max_value",
            "strict_min",
            "strict_max",
            "row_condition",
            "condition_parser",
        ],
        |b| {
            let range = b.numbers()?;
            let id = rows(b);
            Some(Box::new(move |evidence| {
                let rows = evidence.rows(id);
                Outcome::observed(range.contains(&(rows as f64)), rows)
            }))
        },
    ),
    spec(
        "expect_table_row_count_to_equal",
        "there are exactly so many rows",
        &["value", "row_condition", "condition_parser"],
        |b| {
            b.need("value")?;
            let value = b.count("value")?;
            let id = rows(b);
            Some(Box::new(move |evidence| {
                let rows = evidence.rows(id);
                Outcome::observed(rows == value, rows)
            }))
        },
    ),
    spec(
        "expect_table_row_count_to_equal_other_table",
        "there are as many rows as in another table",
        &["other_table_name", "row_condition", "condition_parser"],
        other_table,
    ),
    spec(
        "expect_table_column_count_to_be_between",
        "there are so many columns",
        &["min_value", "max_value"],
        |b| {
            let range = b.numbers()?;
            let columns = b.planner.schema.fields().len();
            let success = range.contains(&(columns as f64));
            Some(Box::new(move |_| Outcome::observed(success, columns)))
        },
    ),
    spec(
        "expect_table_column_count_to_equal",
        "there are exactly so many columns",
        &["value"],
        |b| {
            b.need("value")?;
            let value = b.count("value")?;
            let columns = b.planner.schema.fields().len();
            Some(Box::new(move |_| Outcome::observed(columns as u64 == value, columns)))
        },
    ),
    spec(
        "expect_table_columns_to_match_ordered_list",
        "the columns are these, in this order",
        &["column_list"],
        ordered_list,
    ),
    spec(
        "expect_table_columns_to_match_set",
        "the columns are these, in any order",
        &["column_set", "exact_match"],
        column_set,
    ),
    spec(
        "expect_column_to_exist",
        "there is a column of this name",
        &["column", "column_index"],
        |b| {
            b.need("column")?;
            let name = b.text("column")?;
            let index = b.count("column_index");
            let found = b.planner.schema.index_of(&name).ok();
            let success = match index {
                None => found.is_some(),
                Some(index) => found.is_some_and(|found| found as u64 == index),
            };
            Some(Box::new(move |_| Outcome { success, ..Outcome::default() }))
        },
    ),
];

fn rows(b: &mut Builder<'_>) -> MetricId {
    b.metric("rows".to_owned(), Metric::Rows)
}

fn other_table(b: &mut Builder<'_>) -> Option<Judge> {
    b.need("other_table_name")?;
    let name = b.text("other_table_name")?;
    let id = rows(b);
    Some(Box::new(move |evidence| {
        let rows = evidence.rows(id);
        let Some(other) = evidence.other_tables.get(&name) else {
            return Outcome::exception(format!("the number of rows of '{name}' was not given"));
        };
        Outcome::observed(rows == *other, json!({"self": rows, "other": other}))
    }))
}

fn names(b: &Builder<'_>) -> Vec<String> {
    b.planner.schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn ordered_list(b: &mut Builder<'_>) -> Option<Judge> {
    let found = names(b);
    if b.get("column_list").is_none() {
        return Some(Box::new(move |_| Outcome::observed(true, found.clone())));
    }
    let expected = b.texts("column_list")?;
    let success = expected == found;
    let longest = expected.len().max(found.len());
    let mismatched: Vec<Value> = (0..longest)
        .filter(|at| expected.get(*at) != found.get(*at))
        .map(|at| {
            json!({"Expected Column Position": at, "Expected": expected.get(at), "Found": found.get(at)})
        })
        .collect();
    Some(Box::new(move |_| {
        let outcome = Outcome::observed(success, found.clone());
        if success { outcome } else { outcome.with("details", json!({"mismatched": mismatched})) }
    }))
}

fn column_set(b: &mut Builder<'_>) -> Option<Judge> {
    let found = names(b);
    let exact = b.get("exact_match").is_none() || b.flag("exact_match");
    if b.get("column_set").is_none() {
        return Some(Box::new(move |_| Outcome::observed(true, found.clone())));
    }
    let expected = b.texts("column_set")?;
    let mut missing: Vec<String> =
        expected.iter().filter(|name| !found.contains(name)).cloned().collect();
    let mut unexpected: Vec<String> =
        found.iter().filter(|name| !expected.contains(name)).cloned().collect();
    missing.sort();
    unexpected.sort();
    let success = missing.is_empty() && (!exact || unexpected.is_empty());
    let mut observed = found;
    observed.sort();
    let mut mismatched = serde_json::Map::new();
    for (name, list) in [("unexpected", &unexpected), ("missing", &missing)] {
        if !list.is_empty() {
            mismatched.insert(name.to_owned(), Value::from(list.clone()));
        }
    }
    Some(Box::new(move |_| {
        let outcome = Outcome::observed(success, observed.clone());
        if mismatched.is_empty() {
            return outcome;
        }
        outcome.with("details", json!({"mismatched": mismatched}))
    }))
}
