//! Suites of expectations, and the conditions in them, as people and programs write them.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::{Map, Value, json};
use shopflow_expectations::{Expectation, Options, Plan, Severity, Suite, source};

/// A column of every kind.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, kind: DataType| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        field("quantity", DataType::Int64),
        field("price", DataType::Decimal128(10, 2)),
        field("ratio", DataType::Float64),
        field("note", DataType::Utf8),
        field("ok", DataType::Boolean),
        field("day", DataType::Date32),
        field("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
    ]))
});

/// Rows with values, without, and with what is none.
const ROWS: &str = "quantity,price,ratio,note,ok,day,at\n\
    1,1.50,0.5,abc,true,2026-01-15,2026-01-15T08:30:00Z\n\
    -2,0.01,-1e300,\"a \"\"b\"\", c\",false,1900-01-01,1900-01-01T00:00:00Z\n\
    9223372036854775807,99999999.99,inf,\u{fc},f,2100-12-31,2100-12-31T23:59:59Z\n\
    ,,,,,,\n\
    x,1.234,y,2026-01-15,maybe,01/02/2026,2026-01-15T08:30:00\n\
    1,1.50,0.5,abc,true,2026-01-15,2026-01-15T08:30:00Z\n";

/// A suite in YAML, or, where the first byte is `{`, in the JSON of Great Expectations.
pub fn suite(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = match text.starts_with('{') {
        true => Suite::parse_gx_json(text),
        false => Suite::parse_yaml(text),
    };
    let Ok(suite) = read else { return };
    let written = suite.to_yaml();
    let again = Suite::parse_yaml(&written);
    assert_eq!(again.as_ref().ok(), Some(&suite), "{written}");
    let _ = suite.unknown_names();
    // Of a few values there are already too many to keep each.
    let few = Options { max_distinct: 3, max_numbers: 3, listed_rows: 2, ..Options::default() };
    let options = Options { profile: true, ..few };
    let Ok(plan) = Plan::compile(&suite, SCHEMA.clone(), &options) else { return };
    let Some(result) = judged(&plan) else { return };
    assert_eq!(result["results"].as_array().map(Vec::len), Some(suite.expectations.len()));
}

/// The result as JSON; nothing when the suite names a column that the file does not have.
fn judged(plan: &Arc<Plan>) -> Option<Value> {
    let state = source::csv::validate(plan, ROWS.as_bytes()).ok()?;
    let _ = state.profile();
    Some(state.finish().to_json())
}

/// A condition: the rows it holds for and those it does not hold for are all rows.
pub fn condition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(rows) = selected(text) else { return };
    let all = ROWS.lines().count() as u64 - 1;
    assert!(rows <= all);
    // Nested once more, it may be refused.
    if let Some(others) = selected(&format!("not ({text})")) {
        assert_eq!(rows + others, all, "{text}");
    }
}

/// How many rows the condition holds for; nothing when it is refused.
fn selected(condition: &str) -> Option<u64> {
    let mut kwargs = Map::new();
    kwargs.insert("column".to_owned(), json!("quantity"));
    kwargs.insert("row_condition".to_owned(), json!(condition));
    let mut suite = Suite::new("condition");
    suite.expectations.push(Expectation {
        name: "expect_column_values_to_be_null".to_owned(),
        kwargs,
        severity: Severity::Critical,
        meta: Map::new(),
    });
    let plan = Plan::compile(&suite, SCHEMA.clone(), &Options::default()).ok()?;
    let result = judged(&plan)?;
    let rows = result["results"][0]["result"]["element_count"].as_u64();
    Some(rows.expect("the rows that are looked at"))
}
