//! Validated CSV to rows: columns in any order, unknown ones kept.

use std::collections::BTreeMap;
use std::io::Read;

use arrow::array::RecordBatch;
use csv::ByteRecord;
use shopflow_core::{ErrorKind, Result, ResultExt};

use crate::columns::Rows;

/// Where a field of the file goes.
enum Target {
    Column(usize),
    Extra(String),
}

/// Reads `input` to its end; `emit` gets every full batch and the rest.
pub(crate) fn read(
    input: impl Read,
    rows: &mut Rows,
    emit: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        // As in `validate`, a lone carriage return ends no record.
        .terminator(csv::Terminator::Any(b'\n'))
        .buffer_capacity(64 * 1024)
        .from_reader(input);
    let mut record = ByteRecord::new();
    if !next(&mut reader, &mut record)? {
        return Err(rows.broken("validated file has no header"));
    }
    let (targets, missing) = targets(&record, rows)?;
    let has_extra = targets.iter().any(|target| matches!(target, Target::Extra(_)));
    while next(&mut reader, &mut record)? {
        for (target, text) in targets.iter().zip(fields(&record)) {
            if let Target::Column(column) = target {
                rows.push(*column, text)?;
            }
        }
        for column in &missing {
            rows.push_missing(*column)?;
        }
        let extra = if has_extra { Some(extra(&targets, &record, rows)?) } else { None };
        if rows.end_row(extra.as_deref())
            && let Some(batch) = rows.take_batch()?
        {
            emit(batch)?;
        }
    }
    rows.take_batch()?.map_or(Ok(()), emit)
}

fn next<R: Read>(reader: &mut csv::Reader<R>, record: &mut ByteRecord) -> Result<bool> {
    reader.read_byte_record(record).or_error(ErrorKind::Internal, "read validated record failed")
}

/// The fields without the carriage return of a line that ends in CR LF.
fn fields(record: &ByteRecord) -> impl Iterator<Item = &[u8]> {
    let last = record.len().saturating_sub(1);
    record.iter().enumerate().map(move |(index, text)| {
        if index == last { text.strip_suffix(b"\r").unwrap_or(text) } else { text }
    })
}

/// Where each field goes, and the optional columns that the file does not have.
fn targets(header: &ByteRecord, rows: &Rows) -> Result<(Vec<Target>, Vec<usize>)> {
    let columns = rows.definitions();
    let mut targets = Vec::with_capacity(header.len());
    let mut found = vec![false; columns.len()];
    for name in fields(header) {
        let name =
            std::str::from_utf8(name).or_error(ErrorKind::Internal, "header is not UTF-8")?;
        let target = match columns.iter().position(|column| column.name == name) {
            Some(index) if found[index] => {
                return Err(rows
                    .broken("validated header names a column twice")
                    .with("column", name));
            }
            Some(index) => {
                found[index] = true;
                Target::Column(index)
            }
            None => Target::Extra(name.to_owned()),
        };
        targets.push(target);
    }
    let missing: Vec<usize> = (0..columns.len()).filter(|index| !found[*index]).collect();
    match missing.iter().find(|index| columns[**index].required) {
        None => Ok((targets, missing)),
        Some(index) => {
            Err(rows.broken("validated header lacks a column").with("column", columns[*index].name))
        }
    }
}

fn extra(targets: &[Target], record: &ByteRecord, rows: &Rows) -> Result<String> {
    let mut unknown = BTreeMap::new();
    for (target, text) in targets.iter().zip(fields(record)) {
        if let Target::Extra(name) = target {
            let text = std::str::from_utf8(text)
                .map_err(|_| rows.broken("validated value is not UTF-8").with("column", name))?;
            unknown.insert(name.as_str(), text);
        }
    }
    serde_json::to_string(&unknown).or_error(ErrorKind::Internal, "encode extra columns failed")
}
