//! Rows of a table in the warehouse, of which only those are written that differ: constraints and
//! indexes cost far more than a comparison, and most of what is computed again comes out the same.

use std::collections::HashSet;
use std::fmt::Write;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::row::{Row, RowConverter, Rows, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use shopflow_core::{ErrorKind, Result, ResultExt};
use shopflow_lake::parquet::blocking;
use shopflow_postgres::{Client, PgResultExt};
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
    let work = async {
        if is_empty(transaction.client(), table).await? {
            return copy(transaction, &published(table), rows).await;
        }
        let computed = temporary(transaction, table, rows).await?;
        // Rows compare as a whole, nulls alike.
        let statements = format!(
            "DELETE FROM warehouse.{table} AS old
             WHERE {outdated} AND NOT EXISTS (SELECT FROM {computed} AS new WHERE {same});
             INSERT INTO warehouse.{table} ({names})
             SELECT {names} FROM {computed} AS new
             WHERE NOT EXISTS (SELECT FROM warehouse.{table} AS old WHERE {same});
             DROP TABLE {computed}",
            names = names(rows, ""),
            same = same(rows, key),
        );
        transaction.batch_execute(&statements).await.or_db("publish computed rows")
    };
    work.await.map_err(|error| error.with("table", table))
}

/// As [`replace`] for a whole table whose rows are known to be the `former` ones: only what differs
/// is sent.
///
/// # Errors
/// As [`replace`].
pub async fn exchange(
    transaction: &Transaction<'_>,
    table: &str,
    key: &str,
    former: &RecordBatch,
    rows: &RecordBatch,
) -> Result<()> {
    let (before, after) = (former.clone(), rows.clone());
    let (gone, new) = blocking(move || differences(&before, &after)).await?;
    if gone.num_rows() == 0 && new.num_rows() == 0 {
        return Ok(());
    }
    let work = async {
        // To look for each of many rows costs more than to write all.
        if gone.num_rows() * 2 > former.num_rows() {
            let delete = format!("DELETE FROM warehouse.{table}");
            transaction.batch_execute(&delete).await.or_db("remove published rows")?;
            return copy(transaction, &published(table), rows).await;
        }
        if remove(transaction, table, key, &gone).await? != gone.num_rows() as u64 {
            tracing::warn!(table, "somebody else has changed the published rows");
            return replace(transaction, table, key, "true", rows).await;
        }
        copy(transaction, &published(table), &new).await
    };
    work.await.map_err(|error| error.with("table", table))
}

/// Removes these rows; how many there were.
async fn remove(
    transaction: &Transaction<'_>,
    table: &str,
    key: &str,
    rows: &RecordBatch,
) -> Result<u64> {
    if rows.num_rows() == 0 {
        return Ok(0);
    }
    let gone = temporary(transaction, table, rows).await?;
    let delete = format!(
        "DELETE FROM warehouse.{table} AS old USING {gone} AS new WHERE {}",
        same(rows, key)
    );
    let removed = transaction.execute(&delete, &[]).await.or_db("remove published rows")?;
    let drop = format!("DROP TABLE {gone}");
    transaction.batch_execute(&drop).await.or_db("drop a table of computed rows")?;
    Ok(removed)
}

/// The rows that only the first batch has, and those that only the second has. Each has a row once.
fn differences(before: &RecordBatch, after: &RecordBatch) -> Result<(RecordBatch, RecordBatch)> {
    let schema = before.schema();
    let fields = schema.fields().iter().map(|field| field.data_type().clone());
    let converter = RowConverter::new(fields.map(SortField::new).collect());
    let converter = converter.or_error(ErrorKind::Internal, "rows cannot be compared")?;
    let encode = |rows: &RecordBatch| {
        let encoded = converter.convert_columns(rows.columns());
        encoded.or_error(ErrorKind::Internal, "rows cannot be compared")
    };
    let (old, new) = (encode(before)?, encode(after)?);
    let only = |rows: &RecordBatch, encoded: &Rows, others: &Rows| {
        let others: HashSet<Row<'_>> = others.iter().collect();
        let is_new: BooleanArray = encoded.iter().map(|row| Some(!others.contains(&row))).collect();
        filter_record_batch(rows, &is_new).or_error(ErrorKind::Internal, "selection of rows failed")
    };
    Ok((only(before, &old, &new)?, only(after, &new, &old)?))
}

/// The name of a published table in statements.
pub fn published(table: &str) -> String {
    format!("warehouse.{table}")
}

/// The condition that a row `old` and a row `new` are the same.
fn same(rows: &RecordBatch, key: &str) -> String {
    let (new, old) = (names(rows, "new."), names(rows, "old."));
    format!("new.{key} = old.{key} AND ({new}) IS NOT DISTINCT FROM ({old})")
}

/// True when nothing of `warehouse.<table>` is published.
///
/// # Errors
/// `Transient.Database`.
pub async fn is_empty(client: &Client, table: &str) -> Result<bool> {
    let sql = format!("SELECT NOT EXISTS (SELECT FROM warehouse.{table})");
    let row = client.query_one(&sql, &[]).await.or_db("look for published rows")?;
    Ok(row.get(0))
}

/// A temporary table with these rows and the columns of the published one; its name.
async fn temporary(
    transaction: &Transaction<'_>,
    table: &str,
    rows: &RecordBatch,
) -> Result<String> {
    let name = format!("computed_{table}");
    let create = format!(
        "CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT {} FROM warehouse.{table} WITH NO DATA",
        names(rows, "")
    );
    transaction.batch_execute(&create).await.or_db("create a table of computed rows")?;
    copy(transaction, &name, rows).await?;
    let analyze = format!("ANALYZE {name}");
    transaction.batch_execute(&analyze).await.or_db("analyze computed rows")?;
    Ok(name)
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

/// Adds rows to a table.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the rows do not have columns of the table.
pub async fn copy(transaction: &Transaction<'_>, table: &str, rows: &RecordBatch) -> Result<()> {
    if rows.num_rows() == 0 {
        return Ok(());
    }
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
