//! Expectations about pairs of columns, and about several columns of a row.

use serde_json::Value;

use super::{Rows, judge_rows, rows_satisfy, wrong_state};
use crate::builder::{Builder, Target};
use crate::column::Kind;
use crate::evidence::Judge;
use crate::metric::Metric;
use crate::metric::keys::{Form, Keys};
use crate::predicate::record::{
    AllDifferent, AllEqual, PairEqual, PairGreater, PairInSet, SumEquals,
};
use crate::predicate::set::Set;
use crate::spec::{Domain, Spec};

const fn pair(
    name: &'static str,
    description: &'static str,
    arguments: &'static [&'static str],
    build: fn(&mut Builder<'_>) -> Option<Judge>,
) -> Spec {
    Spec { name, description, arguments, domain: Domain::Pair, build }
}

const fn many(
    name: &'static str,
    description: &'static str,
    arguments: &'static [&'static str],
    build: fn(&mut Builder<'_>) -> Option<Judge>,
) -> Spec {
    Spec { name, description, arguments, domain: Domain::Columns, build }
}

pub(crate) const SPECS: &[Spec] = &[
    pair("expect_column_pair_values_to_be_equal", "both values of a row are equal", &[], |b| {
        let targets = comparable(b)?;
        let missing = b.ignore_row_if(true);
        Some(rows_satisfy(b, &targets, missing, Box::new(PairEqual), true))
    }),
    pair(
        "expect_column_pair_values_a_to_be_greater_than_b",
        "the first value of a row is greater than the second",
        &["or_equal", "parse_strings_as_datetimes", "allow_cross_type_comparisons"],
        |b| {
            let targets = comparable(b)?;
            super::values::no_parsing(b, &targets[0])?;
            let predicate = Box::new(PairGreater { or_equal: b.flag("or_equal") });
            let missing = b.ignore_row_if(true);
            Some(rows_satisfy(b, &targets, missing, predicate, true))
        },
    ),
    pair(
        "expect_column_pair_values_to_be_in_set",
        "both values of a row are one of several pairs",
        &["value_pairs_set"],
        pair_in_set,
    ),
    many(
        "expect_compound_columns_to_be_unique",
        "no combination of values occurs twice",
        &[],
        compound_unique,
    ),
    many(
        "expect_select_column_values_to_be_unique_within_record",
        "the values of a row differ from each other",
        &[],
        |b| {
            let targets = b.columns("column_list")?;
            let missing = b.ignore_row_if(false);
            Some(rows_satisfy(b, &targets, missing, Box::new(AllDifferent), true))
        },
    ),
    many(
        "expect_multicolumn_values_to_be_unique",
        "the values of a row differ from each other",
        &[],
        |b| {
            let targets = b.columns("column_list")?;
            let missing = b.ignore_row_if(false);
            Some(rows_satisfy(b, &targets, missing, Box::new(AllDifferent), true))
        },
    ),
    many("expect_multicolumn_values_to_be_equal", "the values of a row are equal", &[], |b| {
        let targets = b.columns("column_list")?;
        let missing = b.ignore_row_if(false);
        Some(rows_satisfy(b, &targets, missing, Box::new(AllEqual), true))
    }),
    many(
        "expect_multicolumn_sum_to_equal",
        "the values of a row add up to a total",
        &["sum_total"],
        |b| {
            let targets = b.columns("column_list")?;
            b.need("sum_total")?;
            let total = b.number("sum_total")?;
            if let Some(target) = targets.iter().find(|target| !target.kind.is_numeric()) {
                let (name, kind) = (&target.name, target.kind.name());
                b.fail(format!("column '{name}' has values of type {kind}, not numbers"));
                return None;
            }
            let missing = b.ignore_row_if(false);
            Some(rows_satisfy(b, &targets, missing, Box::new(SumEquals(total)), true))
        },
    ),
];

/// Both columns, whose values have to be of comparable types.
fn comparable(b: &mut Builder<'_>) -> Option<Vec<Target>> {
    let (first, second) = (b.column("column_A")?, b.column("column_B")?);
    let family = |kind: Kind| if kind.is_numeric() { "number" } else { kind.name() };
    if family(first.kind) != family(second.kind) {
        let message = format!(
            "columns '{}' of type {} and '{}' of type {} cannot be compared",
            first.name,
            first.kind.name(),
            second.name,
            second.kind.name()
        );
        b.fail(message);
        return None;
    }
    Some(vec![first, second])
}

fn pair_in_set(b: &mut Builder<'_>) -> Option<Judge> {
    let (first, second) = (b.column("column_A")?, b.column("column_B")?);
    b.need("value_pairs_set")?;
    let list = b.list("value_pairs_set")?;
    let side = |value: &Value, kind: Kind| {
        (!value.is_null()).then(|| Set::new(std::slice::from_ref(value), kind))
    };
    let mut pairs = Vec::new();
    for item in &list {
        let Some([left, right]) = item.as_array().map(Vec::as_slice) else {
            b.fail(format!("the argument 'value_pairs_set' has {item}, which is not a pair"));
            return None;
        };
        pairs.push([side(left, first.kind), side(right, second.kind)]);
    }
    let missing = b.ignore_row_if(true);
    Some(rows_satisfy(b, &[first, second], missing, Box::new(PairInSet { pairs }), true))
}

fn compound_unique(b: &mut Builder<'_>) -> Option<Judge> {
    let targets = b.columns("column_list")?;
    let missing = b.ignore_row_if(false);
    let mostly = b.mostly();
    let columns: Vec<usize> = targets.iter().map(|target| target.at).collect();
    let key = format!("keys {columns:?} {missing:?}");
    let id = b.metric(key, Metric::Keys(Keys { columns, missing, form: Form::Hashes }));
    Some(Box::new(move |evidence| {
        let Some(keys) = evidence.keys(id) else { return wrong_state() };
        let found = Rows {
            rows: keys.rows,
            considered: keys.considered,
            unexpected: keys.unexpected(),
            failures: Some(&keys.again),
        };
        judge_rows(evidence, &found, mostly)
    }))
}
