//! The SQL that erases the customer's own rows of `core`, from the definition of customers.
//!
//! What stands in the place of values is made from the number of the customer and holds no quote.

use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, Kind};

use super::person::{Erased, erased};

/// The columns whose values are erased, with what becomes of them.
pub fn personal(customer: i64) -> impl Iterator<Item = (&'static Column, Erased)> {
    let columns = Dataset::Customers.columns().iter();
    columns
        .map(move |column| (column, erased(column, customer)))
        .filter(|(_, to)| *to != Erased::Stays)
}

/// The assignments of an `UPDATE`.
pub fn set(customer: i64) -> String {
    let columns = personal(customer).map(|(column, _)| column);
    list(", ", columns.map(|column| format!("{} = {}", name(column), text(column, customer))))
}

/// The condition for rows that have a value.
pub fn differs(customer: i64) -> String {
    list(
        " OR ",
        personal(customer).map(|(column, to)| match to {
            Erased::Nothing => format!("{} IS NOT NULL", name(column)),
            Erased::Text(_) | Erased::Stays => format!("{} <> {}", name(column), value(&to)),
        }),
    )
}

/// The hash that load gives the row once its values are erased: the beginning of a SHA-256 over the
/// canonical values, those of the columns that are required, or were once, before the others
/// (functions/load/src/encode.rs).
pub fn row_hash(customer: i64) -> String {
    let columns = || Dataset::Customers.columns().iter();
    let usual = columns().filter(|column| column.is_usual()).map(|column| {
        let value = text(column, customer);
        let canonical = canonical(column, &value);
        match column.required {
            true => canonical,
            false => format!("CASE WHEN {value} IS NULL THEN ''::bytea ELSE {canonical} END"),
        }
    });
    let optional = columns().filter(|column| !column.required).map(|column| {
        let value = text(column, customer);
        let name =
            format!("int4send({}) || convert_to('{}', 'UTF8')", column.name.len(), column.name);
        let (absent, present) = match column.relaxed {
            true => (format!("'\\xfffffffe'::bytea || {name}"), "''::bytea".to_owned()),
            false => (
                "''::bytea".to_owned(),
                format!("'\\xffffffff'::bytea || {name} || {}", canonical(column, &value)),
            ),
        };
        format!("CASE WHEN {value} IS NULL THEN {absent} ELSE {present} END")
    });
    format!("substr(sha256({}), 1, 16)", list(" || ", usual.chain(optional)))
}

fn name(column: &Column) -> String {
    format!("\"{}\"", column.name)
}

fn value(erased: &Erased) -> String {
    match erased {
        Erased::Text(text) => format!("'{text}'::text"),
        Erased::Nothing | Erased::Stays => "NULL".to_owned(),
    }
}

/// The value of a column once it is erased. What is missing tells nothing, and stays so.
fn text(column: &Column, customer: i64) -> String {
    match erased(column, customer) {
        Erased::Stays => name(column),
        Erased::Text(_) if column.required => value(&erased(column, customer)),
        Erased::Text(text) => {
            format!("CASE WHEN {} IS NOT NULL THEN '{text}'::text END", name(column))
        }
        Erased::Nothing => value(&Erased::Nothing),
    }
}

fn canonical(column: &Column, value: &str) -> String {
    match column.kind {
        Kind::Id | Kind::Reference(_) => format!("int8send({value})"),
        Kind::Quantity | Kind::Units => format!("int4send({value})"),
        Kind::Date => format!("int4send({value} - date '2000-01-01')"),
        Kind::Timestamp => format!(
            "int8send((extract(epoch FROM {value} - timestamptz '2000-01-01 00:00+00') * 1000000)::bigint)"
        ),
        Kind::Price => format!("int8send(({value} * 100)::bigint)"),
        Kind::Amount | Kind::Discount | Kind::Money => {
            format!("int8send(({value} * 10000)::bigint)")
        }
        Kind::Rate => format!("int8send(({value} * 100000000)::bigint)"),
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => {
            format!("int4send(octet_length({value}::text)) || convert_to({value}::text, 'UTF8')")
        }
    }
}

fn list(between: &str, parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(between)
}
