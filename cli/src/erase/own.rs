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
    list(", ", personal(customer).map(|(column, to)| format!("{} = {}", name(column), value(&to))))
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
/// canonical values, required columns first (functions/load/src/encode.rs).
pub fn row_hash(customer: i64) -> String {
    let columns = || Dataset::Customers.columns().iter();
    let required = columns()
        .filter(|column| column.required)
        .map(|column| canonical(column, &text(column, customer)));
    let optional = columns().filter(|column| !column.required).map(|column| {
        let value = text(column, customer);
        format!(
            "CASE WHEN {value} IS NULL THEN ''::bytea ELSE '\\xffffffff'::bytea \
             || int4send({length}) || convert_to('{name}', 'UTF8') || {canonical} END",
            length = column.name.len(),
            name = column.name,
            canonical = canonical(column, &value),
        )
    });
    format!("substr(sha256({}), 1, 16)", list(" || ", required.chain(optional)))
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

/// The value of a column once it is erased.
fn text(column: &Column, customer: i64) -> String {
    match erased(column, customer) {
        Erased::Stays => name(column),
        gone => value(&gone),
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
        Kind::Amount | Kind::Discount => format!("int8send(({value} * 10000)::bigint)"),
        Kind::Uuid | Kind::Text(_) | Kind::Email | Kind::Country | Kind::OneOf(_) => {
            format!("int4send(octet_length({value}::text)) || convert_to({value}::text, 'UTF8')")
        }
    }
}

fn list(between: &str, parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(between)
}
