//! The rows that ask for features: a CSV or Parquet file with the join keys, `event_timestamp`, the
//! values of the request, and any other columns.

mod csv;
mod parquet;
mod problems;

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use shopflow_core::values::time::write_moment;
use shopflow_core::{Error, Result};
use shopflow_features::{EVENT_TIMESTAMP, Entity, Micros, Type};

use super::key::Key;
use super::plan::Asked;
use crate::paths;
use crate::release::FileEntry;

/// The rows of the file in memory, with their keys and moments in the types that features have.
#[derive(Debug)]
pub struct Spine {
    /// The name of the file, without its folder.
    pub name: String,
    pub sha256: String,
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl Spine {
    /// Reads a file that ends in `.csv` or `.parquet`. `asked` are the columns that it must have
    /// beside `event_timestamp`; no row may ask about a moment after `until`.
    ///
    /// # Errors
    /// `InvalidInput` with file, row and column of the first value that breaks a rule.
    pub fn read(path: &Path, asked: &[Asked], until: Micros) -> Result<Spine> {
        let located = |error: Error| error.with("file", path.display());
        let entry = FileEntry::of(path).map_err(|error| paths::unreadable(path, error))?;
        let content = std::fs::read(path).map_err(|error| paths::unreadable(path, error))?;
        let ending = path.extension().and_then(|ending| ending.to_str());
        let mut columns = asked.to_vec();
        let name = EVENT_TIMESTAMP.to_owned();
        columns.push(Asked { name, kind: Type::Timestamp, is_needed: true });
        let batches = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => csv::read(&content, &columns),
            Some("parquet") => parquet::read(content, &columns),
            _ => Err(Error::invalid("the spine is neither a CSV nor a Parquet file")
                .hint("its name ends in .csv or .parquet")),
        };
        let mut batches = batches.map_err(located)?;
        batches.retain(|batch| batch.num_rows() > 0);
        let Some(first) = batches.first() else {
            return Err(located(Error::invalid("the spine has no rows")));
        };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let spine = Spine {
            name: name.unwrap_or_default(),
            sha256: entry.sha256,
            schema: first.schema(),
            batches,
        };
        spine.check_moments(until).map_err(located)?;
        Ok(spine)
    }

    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The different keys of an entity, sorted.
    ///
    /// # Errors
    /// `Internal` when a column is missing; they were checked when the file was read.
    pub fn keys(&self, entity: &Entity) -> Result<Vec<Vec<Key>>> {
        let mut keys = BTreeSet::new();
        for batch in &self.batches {
            let columns = entity.keys.iter().map(|(name, _)| column(batch, name));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            for row in 0..batch.num_rows() {
                let key = columns.iter().zip(&entity.keys).map(|(column, (_, kind))| match kind {
                    Type::Int64 => Key::Int64(column.as_primitive::<Int64Type>().value(row)),
                    _ => Key::Text(column.as_string::<i32>().value(row).to_owned()),
                });
                keys.insert(key.collect::<Vec<_>>());
            }
        }
        Ok(keys.into_iter().collect())
    }

    /// Nothing is known yet of what lies after `until`.
    fn check_moments(&self, until: Micros) -> Result<()> {
        let mut first = 1;
        for batch in &self.batches {
            let moments = column(batch, EVENT_TIMESTAMP)?;
            let moments = moments.as_primitive::<TimestampMicrosecondType>().values();
            if let Some(row) = moments.iter().position(|moment| *moment > until) {
                return Err(Error::invalid(
                    "a row asks about a moment of which not all is known yet",
                )
                .with("row", first + row)
                .with("column", EVENT_TIMESTAMP)
                .with("known_until", shown(until))
                .hint("leave the row out, or try again once no run is under way"));
            }
            first += batch.num_rows();
        }
        Ok(())
    }
}

/// A column that the spine must have.
pub fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| Error::internal("a column of the spine is missing").with("column", name))
}

/// A moment as it is written.
pub fn shown(moment: Micros) -> String {
    let mut text = Vec::new();
    write_moment(moment, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
