//! CSV by RFC 4180, UTF-8 with a header, straight into the columns of a plan.
//!
//! Columns may stand in any order; those the plan does not read are skipped. An empty field is
//! a missing value. A field that is not a value of its column's type is malformed: it is unexpected
//! to every expectation about the column's values. A row that cannot be read at all (broken quotes,
//! wrong number of fields, not UTF-8) is counted apart and fails the table.
//!
//! Memory: one batch, of 4,096 rows or 4 MiB, and the read buffer, whatever the size of the file.

pub(super) mod collector;
mod columns;
mod ranges;
mod reader;
mod record;

use std::path::Path;

use arrow::datatypes::{DataType, Schema};
use shopflow_core::Result;

pub use ranges::validate_file;
use reader::{BOM, empty, header_names};
pub use reader::{CsvReader, validate};

/// The columns that the header of a file names, all of them texts: for checks of the fields as they
/// are written.
///
/// # Errors
/// `InvalidInput` when the file cannot be read or its first line is no header.
pub fn text_schema(path: &Path) -> Result<Schema> {
    let bytes = ranges::header(path)?;
    let bytes = bytes.strip_prefix(BOM).unwrap_or(&bytes);
    let bytes = &bytes[record::blank_lines(bytes, true)..];
    let names = if bytes.is_empty() { None } else { header_names(bytes, true)? };
    let (names, _) = names.ok_or_else(empty)?;
    let fields =
        names.into_iter().map(|name| arrow::datatypes::Field::new(name, DataType::Utf8, true));
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests;
