//! The feature rows of a plan's views, made of what Postgres has about the entities that are asked for.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use futures::{TryStreamExt, pin_mut};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_features::aggregate::{self, History, Horizon, SourceRows};
use shopflow_features::{
    ColumnType, Entity, Feature, Micros, Source, Type, Value, View, ViewKind, view_schema,
};
use tokio_postgres::{Row, Transaction};

use super::cells::{cast, cell, keys, moment, value};
use super::columns::Column;
use super::files::{Workspace, Writer};
use super::key::{Key, parameters};
use super::plan::{Plan, Read};
use super::spine::Spine;
use crate::local::database::refused;

/// Entities that are asked for at a time.
const PART: usize = 20_000;
/// Feature rows of a view that are written at a time.
const TAKEN: usize = 64 * 1024;

/// Makes the rows that were known up to `until`: for each view of the plan its file, whose rows are in
/// the order of keys, `event_timestamp` and `created_timestamp`.
///
/// # Errors
/// `InvalidInput` when a query does not give what its definition says; `Transient.Database`.
pub async fn make(
    transaction: &Transaction<'_>,
    plan: &Plan<'_>,
    spine: &Spine,
    until: Micros,
    workspace: &Workspace,
) -> Result<Vec<PathBuf>> {
    let mut writers = Vec::with_capacity(plan.reads.len());
    for read in &plan.reads {
        writers.push(Writer::create(workspace.file(), view_schema(read.entity, read.view))?);
    }
    for entity in plan.entities() {
        let keys = spine.keys(entity)?;
        for source in sources(plan, entity) {
            let made = aggregated(
                transaction,
                plan,
                (entity, source),
                (keys.as_slice(), until),
                &mut writers,
            );
            made.await.map_err(|error| error.with("source", &source.name))?;
        }
        for (read, writer) in plan.reads.iter().zip(&mut writers) {
            let ViewKind::Sql { sql, .. } = &read.view.kind else { continue };
            if read.entity.name == entity.name {
                let made = as_they_are(transaction, read, sql, (keys.as_slice(), until), writer);
                made.await.map_err(|error| error.with("view", &read.view.name))?;
            }
        }
    }
    writers.into_iter().map(Writer::close).collect()
}

/// The sources of the views of an entity, each once.
fn sources<'d>(plan: &Plan<'d>, entity: &Entity) -> Vec<&'d Source> {
    let mut sources: Vec<&Source> = Vec::new();
    for read in plan.reads.iter().filter(|read| read.entity.name == entity.name) {
        if let Some(source) = read.source
            && !sources.iter().any(|known| known.name == source.name)
        {
            sources.push(source);
        }
    }
    sources
}

/// All views of an entity over a source, in one pass over its rows.
async fn aggregated(
    transaction: &Transaction<'_>,
    plan: &Plan<'_>,
    (entity, source): (&Entity, &Source),
    (asked, until): (&[Vec<Key>], Micros),
    writers: &mut [Writer],
) -> Result<()> {
    let is_of = |read: &Read<'_>| {
        read.entity.name == entity.name && read.source.is_some_and(|it| it.name == source.name)
    };
    let places: Vec<usize> =
        (0..plan.reads.len()).filter(|place| is_of(&plan.reads[*place])).collect();
    let views: Vec<&View> = places.iter().map(|place| plan.reads[*place].view).collect();
    let aggregates = aggregate::Plan::new(entity, source, &views)?;
    let mut history = History::new(&aggregates, Horizon { since: None, until });
    let mut rows = SourceRows::new(&aggregates);
    let mut write = |batches: Vec<(usize, RecordBatch)>| {
        batches.iter().try_for_each(|(view, batch)| writers[places[*view]].write(batch))
    };
    let sql = select_source(entity, source);
    for part in asked.chunks(PART) {
        let found = transaction.query_raw(&sql, parameters(entity, part)).await;
        let found = found.map_err(failed)?;
        pin_mut!(found);
        let mut open: Option<Vec<Key>> = None;
        while let Some(row) = found.try_next().await.map_err(failed)? {
            let keys = keys(&row, entity).map_err(failed)?;
            if open.as_ref() != Some(&keys) {
                add(&mut history, open.as_deref(), part, &mut rows)?;
                write(history.take(TAKEN)?)?;
                open = Some(keys);
            }
            push(&mut rows, &row, entity, source)?;
        }
        add(&mut history, open.as_deref(), part, &mut rows)?;
    }
    write(history.take(1)?)
}

/// Ends an entity, whose rows go again. Two keys are asked for each on its own, so there may be
/// entities that nobody has asked for.
fn add(
    history: &mut History<'_>,
    keys: Option<&[Key]>,
    part: &[Vec<Key>],
    rows: &mut SourceRows,
) -> Result<()> {
    if let Some(keys) = keys
        && part.binary_search_by(|asked| asked.as_slice().cmp(keys)).is_ok()
    {
        let keys: Vec<Value> = keys.iter().map(Key::value).collect();
        history.add(&keys, rows)?;
    }
    rows.clear();
    Ok(())
}

fn push(rows: &mut SourceRows, row: &Row, entity: &Entity, source: &Source) -> Result<()> {
    let first = entity.keys.len();
    let needed = |at: usize, name: &str| {
        let found = moment(row, at).map_err(failed)?;
        found.ok_or_else(|| Error::invalid("a row of the query has no moment").with("column", name))
    };
    let event = needed(first, "event_timestamp")?;
    let known_from = needed(first + 1, "known_from")?;
    let known_to = moment(row, first + 2).map_err(failed)?;
    let columns = source.columns.iter().enumerate();
    let cells = columns.map(|(at, column)| cell(row, first + 3 + at, column.kind).map_err(failed));
    rows.push(event, known_from, known_to, &cells.collect::<Result<Vec<_>>>()?)
}

/// The rows of a view by a query.
async fn as_they_are(
    transaction: &Transaction<'_>,
    read: &Read<'_>,
    sql: &str,
    (asked, until): (&[Vec<Key>], Micros),
    writer: &mut Writer,
) -> Result<()> {
    let (entity, view) = (read.entity, read.view);
    let moments = [Type::Timestamp; 2];
    let features = view.features.iter().map(|feature| feature.kind);
    let kinds = entity.keys.iter().map(|(_, kind)| *kind).chain(moments).chain(features);
    let mut columns: Vec<Column> = kinds.clone().map(Column::new).collect();
    let kinds: Vec<Type> = kinds.collect();
    let created_at = entity.keys.len() + 1;
    let mut write = |columns: &mut Vec<Column>| {
        let arrays = columns.iter_mut().map(Column::take).collect();
        let batch = RecordBatch::try_new(view_schema(entity, view), arrays);
        writer.write(&batch.or_error(ErrorKind::InvalidInput, "a row of the query has no moment")?)
    };
    let (sql, mut count) = (select_view(entity, &view.features, sql), 0);
    for part in asked.chunks(PART) {
        let found = transaction.query_raw(&sql, parameters(entity, part)).await;
        let found = found.map_err(failed)?;
        pin_mut!(found);
        while let Some(row) = found.try_next().await.map_err(failed)? {
            let created = moment(&row, created_at).map_err(failed)?;
            if created.is_some_and(|created| created > until) {
                continue;
            }
            let keys = keys(&row, entity).map_err(failed)?;
            if part.binary_search(&keys).is_err() {
                continue;
            }
            for (at, (column, kind)) in columns.iter_mut().zip(&kinds).enumerate() {
                let value = match keys.get(at) {
                    Some(key) => key.value(),
                    None => value(&row, at, *kind).map_err(failed)?,
                };
                column.push(&value)?;
            }
            count += 1;
            if count % TAKEN == 0 {
                write(&mut columns)?;
            }
        }
    }
    write(&mut columns)
}

fn failed(error: tokio_postgres::Error) -> Error {
    refused(ErrorKind::TransientDatabase, "read rows of features", error)
}

/// The rows of a source about some entities, one entity after the other.
fn select_source(entity: &Entity, source: &Source) -> String {
    let moments = ["event_timestamp", "known_from", "known_to"];
    let moments = moments.map(|name| (name, ColumnType::Plain(Type::Timestamp)));
    let columns = source.columns.iter().map(|column| (column.name.as_str(), column.kind));
    select(entity, moments.into_iter().chain(columns), &source.sql, entity.keys.len())
}

/// The rows of a view about some entities, in the order that the join needs. Rows of one moment that
/// were known at the same time are in the order of their values.
fn select_view(entity: &Entity, features: &[Feature], sql: &str) -> String {
    let moments = ["event_timestamp", "created_timestamp"];
    let moments = moments.map(|name| (name, ColumnType::Plain(Type::Timestamp)));
    let columns =
        features.iter().map(|feature| (feature.name.as_str(), ColumnType::Plain(feature.kind)));
    let count = entity.keys.len() + moments.len() + features.len();
    select(entity, moments.into_iter().chain(columns), sql, count)
}

/// The keys and the columns, sorted by the first of them. Names have been checked when the definitions
/// were read; quoted, they may be words of SQL.
fn select<'c>(
    entity: &'c Entity,
    columns: impl Iterator<Item = (&'c str, ColumnType)>,
    sql: &str,
    sorted: usize,
) -> String {
    let keys = entity.keys.iter().map(|(name, kind)| (name.as_str(), ColumnType::Plain(*kind)));
    let read = keys.chain(columns).map(|(name, kind)| {
        let read = cast(&format!("\"{name}\""), kind);
        match kind {
            // As the join compares them.
            ColumnType::Plain(Type::Text) => format!("{read} COLLATE \"C\""),
            _ => read,
        }
    });
    let read: Vec<String> = read.collect();
    let asked = entity.keys.iter().enumerate();
    let asked = asked.map(|(at, (name, kind))| {
        let array = if *kind == Type::Int64 { "bigint[]" } else { "text[]" };
        format!("\"{name}\" = ANY (${}::{array})", at + 1)
    });
    let asked: Vec<String> = asked.collect();
    let order: Vec<String> = (1..=sorted).map(|place| place.to_string()).collect();
    format!(
        "SELECT {}\nFROM (\n{}\n) AS rows_of_definition\nWHERE {}\nORDER BY {}",
        read.join(", "),
        sql.trim_end().trim_end_matches(';'),
        asked.join(" AND "),
        order.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use shopflow_features::Definitions;

    use super::*;

    #[test]
    fn a_source_is_asked_for_its_rows_by_key() {
        let definitions = Definitions::built_in().unwrap();
        let entity = definitions.entity("customer_product").unwrap();
        let source = definitions.source("sales").unwrap();
        let sql = select_source(entity, source);
        assert!(
            sql.starts_with("SELECT \"customer_id\"::bigint, \"product_id\"::bigint, "),
            "{sql}"
        );
        assert!(sql.contains("(\"amount\" * 100)::bigint"), "{sql}");
        let asked = "WHERE \"customer_id\" = ANY ($1::bigint[]) AND \"product_id\" = ANY ($2::bigint[])\n\
                     ORDER BY 1, 2";
        assert!(sql.ends_with(asked), "{sql}");
    }
}
