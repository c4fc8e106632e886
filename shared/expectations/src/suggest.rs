//! Expectations that a profile suggests: a beginning that a person reads and accepts.
//!
//! Only what the profile shows without exception is suggested, with room for what comes next:
//! bounds of means are widened, bounds of values are those of the profile. Numbers that name something
//! have no mean, and the next one may be larger than all before.

use serde_json::{Map, Value, json};

use crate::profile::{ColumnProfile, Profile};
use crate::suite::{Expectation, Severity, Suite};

/// Largest closed set that is suggested.
const SET: u64 = 20;
/// Rows a profile needs before uniqueness or a closed set says anything.
const ENOUGH: u64 = 100;

/// A suite for tables like the profiled one.
pub fn suggest(name: &str, profile: &Profile) -> Suite {
    let mut suite = Suite::new(name);
    let mut add = |severity: Severity, name: &str, kwargs: Value| {
        let kwargs = kwargs.as_object().cloned().unwrap_or_default();
        let name = name.to_owned();
        suite.expectations.push(Expectation { name, kwargs, severity, meta: Map::new() });
    };
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    add(Severity::Critical, "expect_table_columns_to_match_set", json!({"column_set": names}));
    add(Severity::Critical, "expect_table_row_count_to_be_between", json!({"min_value": 1}));
    for column in &profile.columns {
        about(profile.rows, column, &mut add);
    }
    suite
}

fn about(rows: u64, column: &ColumnProfile, add: &mut impl FnMut(Severity, &str, Value)) {
    let name = column.name.as_str();
    let present = rows - column.nulls;
    if rows == 0 || present == 0 {
        return;
    }
    if column.nulls == 0 {
        add(Severity::Critical, "expect_column_values_to_not_be_null", json!({"column": name}));
    } else {
        // Half as much again may be missing.
        let mostly = 1.0 - (column.nulls as f64 / rows as f64 * 1.5).min(1.0);
        let kwargs = json!({"column": name, "mostly": (mostly * 1000.0).floor() / 1000.0});
        add(Severity::Warning, "expect_column_values_to_not_be_null", kwargs);
    }
    let exact = column.distinct_error.is_none();
    if exact && present >= ENOUGH && column.distinct == present {
        add(Severity::Critical, "expect_column_values_to_be_unique", json!({"column": name}));
    }
    let closed = exact && present >= ENOUGH && column.distinct <= SET && column.kind == "text";
    let listed = column.top_values.len() as u64 == column.distinct;
    if closed && listed && !column.personal {
        let mut values: Vec<Value> =
            column.top_values.iter().map(|top| top.value.clone()).collect();
        values.sort_by(crate::metric::sample::compare);
        let kwargs = json!({"column": name, "value_set": values});
        add(Severity::Critical, "expect_column_values_to_be_in_set", kwargs);
    }
    if !column.min.is_null() && column.kind != "text" && column.kind != "boolean" {
        let mut kwargs = json!({"column": name, "min_value": column.min});
        if !column.is_key() {
            kwargs["max_value"] = column.max.clone();
        }
        add(Severity::Warning, "expect_column_values_to_be_between", kwargs);
    }
    if let (Some(mean), Some(stdev)) = (column.mean, column.stdev)
        && column.distinct < present
        && !column.is_key()
        && (mean.is_finite() && stdev.is_finite())
    {
        let kwargs = json!({"column": name, "min_value": mean - stdev / 2.0, "max_value": mean + stdev / 2.0});
        add(Severity::Info, "expect_column_mean_to_be_between", kwargs);
    }
}
