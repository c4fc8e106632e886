//! Expectations about the type of a column: by the names of Python, pandas and numpy, of Arrow, and
//! of SQL.

use serde_json::Value;

use super::rows_satisfy;
use crate::builder::Builder;
use crate::column::Kind;
use crate::evidence::Judge;
use crate::metric::tally::Missing;
use crate::outcome::Outcome;
use crate::predicate::Anything;

/// What a name of a type covers.
fn covers(name: &str, kind: Kind) -> Option<bool> {
    let base = name.split(['(', '[', ',']).next().unwrap_or(name).trim().to_ascii_lowercase();
    Some(match base.as_str() {
        "int" | "int8" | "int16" | "int32" | "int64" | "integer" | "integertype" | "longtype"
        | "long" | "bigint" | "smallint" | "biginteger" | "int_" => kind == Kind::Int,
        "uint8" | "uint16" | "uint32" => kind == Kind::Int,
        "uint64" => kind == Kind::Decimal(0),
        "float" | "float16" | "float32" | "float64" | "double" | "double_precision" | "real"
        | "floattype" | "doubletype" | "float_" => kind == Kind::Float,
        "decimal" | "decimal128" | "numeric" | "number" | "decimaltype" => {
            matches!(kind, Kind::Decimal(_))
        }
        "str" | "string" | "stringdtype" | "utf8" | "largeutf8" | "text" | "varchar" | "char"
        | "stringtype" | "str_" => kind == Kind::Text,
        // pandas before 3 kept texts as objects.
        "object" | "object_" | "o" => kind == Kind::Text,
        "bool" | "boolean" | "bool_" | "booleantype" => kind == Kind::Bool,
        "date" | "date32" | "datetype" => kind == Kind::Date,
        "timestamp" | "timestamptz" | "datetime" | "datetime64" | "timestamptype"
        | "datetimetzdtype" => matches!(kind, Kind::Timestamp(_)),
        _ => return None,
    })
}

/// The name in results: that of numpy.
fn observed(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "int64",
        Kind::Float => "float64",
        Kind::Decimal(_) => "decimal",
        Kind::Text => "str",
        Kind::Bool => "bool",
        Kind::Date => "date",
        Kind::Timestamp(_) => "datetime64",
    }
}

pub(super) fn of_type(b: &mut Builder<'_>) -> Option<Judge> {
    b.need("type_")?;
    let name = b.text("type_")?;
    types(b, &[name])
}

pub(super) fn in_type_list(b: &mut Builder<'_>) -> Option<Judge> {
    match b.get("type_list") {
        None => types(b, &[]),
        Some(_) => {
            let names = b.texts("type_list")?;
            types(b, &names)
        }
    }
}

/// The column has one of these types, or any when there are none; and its values could be read.
fn types(b: &mut Builder<'_>, names: &[String]) -> Option<Judge> {
    let target = b.column("column")?;
    let mut fits = names.is_empty();
    for name in names {
        match covers(name, target.kind) {
            Some(covered) => fits |= covered,
            None => {
                let known = ["int64", "float64", "str", "bool", "date", "datetime64", "decimal"];
                b.fail_near(format!("unknown type '{name}'"), name, &known);
            }
        }
    }
    let observed = observed(target.kind);
    let judge = rows_satisfy(b, &[target], Missing::Any, Box::new(Anything), true);
    Some(Box::new(move |evidence| {
        let rows = judge(evidence);
        let malformed = rows.result.get("unexpected_count").and_then(Value::as_u64);
        if malformed == Some(0) {
            return Outcome::observed(fits, observed);
        }
        Outcome { success: fits && rows.success, ..rows }.with("observed_value", observed)
    }))
}
