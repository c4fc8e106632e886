//! Rows of a table in the warehouse, of which only those are written that differ: constraints and
//! indexes cost far more than a comparison, and most of what is computed again comes out the same.

use std::fmt::Write;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

/// Rows per message of a COPY.
const COPY_ROWS: usize = 8192;

/// Makes `rows` the rows of `warehouse.<table>` for which the condition `outdated` holds. `key` is a
/// column that finds a row quickly; it need not be unique.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the rows do not have the columns of the table.
pub async fn replace(
    transaction: &Transaction<'_>,
    table: &str,
    key: &str,
    outdated: &str,
    rows: &RecordBatch,
) -> Result<()> {
    let located = |error: shopflow_core::Error| error.with("table", table);
    let computed = format!("computed_{table}");
    let create = format!(
        "CREATE TEMP TABLE {computed} ON COMMIT DROP AS SELECT {} FROM warehouse.{table} WITH NO DATA",
        names(rows, "")
    );
    let batch = transaction.batch_execute(&create).await;
    batch.or_db("create a table of computed rows").map_err(located)?;
    copy(transaction, &computed, rows).await.map_err(located)?;
    // Rows compare as a whole, nulls alike.
    let statements = format!(
        "ANALYZE {computed};
         DELETE FROM warehouse.{table} AS old
         WHERE {outdated} AND NOT EXISTS (
             SELECT FROM {computed} AS new
             WHERE new.{key} = old.{key} AND ({new}) IS NOT DISTINCT FROM ({old}));
         INSERT INTO warehouse.{table} ({names})
         SELECT {names} FROM {computed} AS new
         WHERE NOT EXISTS (
             SELECT FROM warehouse.{table} AS old
             WHERE old.{key} = new.{key} AND ({new}) IS NOT DISTINCT FROM ({old}));
         DROP TABLE {computed}",
        names = names(rows, ""),
        new = names(rows, "new."),
        old = names(rows, "old."),
    );
    transaction.batch_execute(&statements).await.or_db("publish computed rows").map_err(located)
}

/// Makes a temporary table with one column `id` of these texts, until the transaction ends.
///
/// # Errors
/// `Transient.Database`.
pub async fn name_texts(
    transaction: &Transaction<'_>,
    name: &str,
    texts: impl Iterator<Item = impl AsRef<str>>,
) -> Result<()> {
    let create = format!("CREATE TEMP TABLE {name} (id text) ON COMMIT DROP");
    transaction.batch_execute(&create).await.or_db("create a table of names")?;
    let sql = format!("COPY {name} FROM STDIN");
    let sink = transaction.copy_in::<_, Bytes>(&sql).await.or_db("start copy")?;
    futures::pin_mut!(sink);
    let mut parts = futures::stream::iter(texts).chunks(COPY_ROWS);
    while let Some(part) = parts.next().await {
        let mut lines = String::new();
        for text in part {
            let from = lines.len();
            lines.push_str(text.as_ref());
            escape(&mut lines, from);
            lines.push('\n');
        }
        sink.send(Bytes::from(lines)).await.or_db("copy names")?;
    }
    sink.finish().await.or_db("copy names")?;
    let analyze = format!("ANALYZE {name}");
    transaction.batch_execute(&analyze).await.or_db("analyze names")
}

/// The columns of the rows, each with a prefix.
fn names(rows: &RecordBatch, prefix: &str) -> String {
    let schema = rows.schema();
    let names: Vec<String> =
        schema.fields().iter().map(|field| format!("{prefix}{}", field.name())).collect();
    names.join(", ")
}

async fn copy(transaction: &Transaction<'_>, table: &str, rows: &RecordBatch) -> Result<()> {
    let sql = format!("COPY {table} ({}) FROM STDIN", names(rows, ""));
    let sink = transaction.copy_in::<_, Bytes>(&sql).await.or_db("start copy")?;
    futures::pin_mut!(sink);
    for from in (0..rows.num_rows()).step_by(COPY_ROWS) {
        let part = rows.slice(from, COPY_ROWS.min(rows.num_rows() - from));
        sink.send(copy_text(&part)?).await.or_db("copy aggregates")?;
    }
    sink.finish().await.or_db("copy aggregates")?;
    Ok(())
}

/// Rows in the text format of COPY.
fn copy_text(rows: &RecordBatch) -> Result<Bytes> {
    let options = FormatOptions::default();
    let columns = rows
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<std::result::Result<Vec<_>, _>>()
        .or_error(ErrorKind::Internal, "format aggregate failed")?;
    let mut text = String::new();
    for row in 0..rows.num_rows() {
        for (number, column) in columns.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\t" };
            text.push_str(separator);
            let from = text.len();
            if rows.column(number).is_null(row) {
                text.push_str("\\N");
                continue;
            }
            write!(text, "{}", column.value(row))
                .or_error(ErrorKind::Internal, "format aggregate failed")?;
            escape(&mut text, from);
        }
        text.push('\n');
    }
    Ok(Bytes::from(text))
}

/// Escapes what has a meaning in the text format of COPY.
fn escape(text: &mut String, from: usize) {
    let special = |c: char| matches!(c, '\\' | '\t' | '\n' | '\r');
    if !text[from..].contains(special) {
        return;
    }
    let plain = text.split_off(from);
    for c in plain.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
}
