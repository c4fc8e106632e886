//! A spine in a CSV file.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use csv::{ByteRecord, ReaderBuilder};
use shopflow_core::rules::Rule;
use shopflow_core::values;
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_features::{Type, Value};

use super::problems::{check_header, refused};
use crate::features::columns::Column;
use crate::features::plan::Asked;

const MARK: &[u8] = b"\xef\xbb\xbf";
const READ: &str = "read CSV file failed";
/// Rows of a batch.
const BATCH_ROWS: usize = 64 * 1024;

/// All rows. Columns that are not asked for are texts, null where there is nothing.
pub(super) fn read(content: &[u8], asked: &[Asked]) -> Result<Vec<RecordBatch>> {
    let content = content.strip_prefix(MARK).unwrap_or(content);
    let mut reader = ReaderBuilder::new().from_reader(content);
    let header = reader.headers().or_error(ErrorKind::InvalidInput, READ)?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    check_header(&header, asked)?;
    let wanted: Vec<Asked> = header.into_iter().map(|name| wanted(name, asked)).collect();
    let fields = wanted.iter().map(|it| Field::new(&it.name, it.kind.arrow(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut columns: Vec<Column> = wanted.iter().map(|it| Column::new(it.kind)).collect();
    let mut batches = Vec::new();
    let (mut record, mut rows) = (ByteRecord::new(), 0);
    loop {
        let is_there =
            reader.read_byte_record(&mut record).or_error(ErrorKind::InvalidInput, READ)?;
        if is_there {
            rows += 1;
            for ((field, wanted), column) in record.iter().zip(&wanted).zip(&mut columns) {
                let value = value(field, wanted);
                column.push(&value.map_err(|rule| refused(rows, &wanted.name, rule))?)?;
            }
        }
        if !is_there || rows % BATCH_ROWS == 0 {
            let arrays = columns.iter_mut().map(Column::take).collect();
            let batch = RecordBatch::try_new(Arc::clone(&schema), arrays);
            batches.push(batch.or_error(ErrorKind::Internal, "make batch of the spine failed")?);
        }
        if !is_there {
            return Ok(batches);
        }
    }
}

/// What a column is read as.
fn wanted(name: String, asked: &[Asked]) -> Asked {
    let found = asked.iter().find(|asked| asked.name == name).cloned();
    found.unwrap_or(Asked { name, kind: Type::Text, is_needed: false })
}

/// The value of a field, by the grammar that the files of the pipeline are read with.
fn value(field: &[u8], wanted: &Asked) -> Result<Value, Rule> {
    if !wanted.is_needed && values::is_blank(field) {
        return Ok(Value::Null);
    }
    match wanted.kind {
        Type::Int64 if !wanted.is_needed => values::integer(field).map(Value::Int64),
        Type::Int64 => {
            let key = values::key(field)?;
            i64::try_from(key).map(Value::Int64).map_err(|_| Rule::OutOfRange)
        }
        Type::Float64 => float(field).map(Value::Float64),
        Type::Boolean => values::boolean(field).map(Value::Boolean).ok_or(Rule::WrongType),
        Type::Timestamp => values::instant(field).map(Value::Timestamp),
        Type::Text if wanted.is_needed && values::is_blank(field) => Err(Rule::NullValue),
        Type::Text => {
            let text = std::str::from_utf8(field).map_err(|_| Rule::InvalidUtf8)?;
            Ok(Value::Text(text.to_owned()))
        }
    }
}

fn float(field: &[u8]) -> Result<f64, Rule> {
    let text = std::str::from_utf8(values::trimmed(field)).map_err(|_| Rule::InvalidUtf8)?;
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or(Rule::InvalidPrice)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use shopflow_features::EVENT_TIMESTAMP;

    use super::*;

    fn asked() -> Vec<Asked> {
        let asked = |name: &str, kind, is_needed| Asked { name: name.to_owned(), kind, is_needed };
        vec![
            asked("customer_id", Type::Int64, true),
            asked("cart_amount", Type::Float64, false),
            asked(EVENT_TIMESTAMP, Type::Timestamp, true),
        ]
    }

    #[test]
    fn keys_moments_and_labels_are_read() {
        let text = "\u{feff}customer_id,event_timestamp,cart_amount,churned\n\
                    7,2026-06-01T00:00:00Z,12.5,yes\n 8 ,2026-06-01 02:00:00+02:00,,\n";
        let batches = read(text.as_bytes(), &asked()).unwrap();
        assert_eq!(batches.len(), 1);
        let batch = &batches[0];
        assert_eq!(batch["customer_id"].as_primitive::<Int64Type>().values(), &[7, 8]);
        let moments = batch[EVENT_TIMESTAMP].as_primitive::<TimestampMicrosecondType>();
        assert_eq!(moments.value(0), moments.value(1));
        assert!(batch["cart_amount"].is_null(1));
        assert_eq!(batch["churned"].as_string::<i32>().value(0), "yes");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_row_column_and_rule() {
        let refusal = |text: &str| read(text.as_bytes(), &asked()).unwrap_err().to_string();
        let text = "customer_id,event_timestamp,cart_amount\n7,2026-06-01T00:00:00Z,1\n007,x,1\n";
        let error = refusal(text);
        assert!(error.contains("(row=2, column=customer_id, rule=leading_zeros)"), "{error}");
        let error = refusal("customer_id,event_timestamp,cart_amount\n7,2026-06-01T00:00:00,1\n");
        assert!(error.contains("rule=invalid_timestamp") && error.contains("offset"), "{error}");
        let error = refusal("customer,event_timestamp,cart_amount\n");
        assert!(error.contains("column=customer_id") && error.contains("has=customer,"), "{error}");
        let error = refusal("customer_id,event_timestamp,cart_amount\n,2026-06-01T00:00:00Z,1\n");
        assert!(error.contains("rule=null_value"), "{error}");
    }
}
