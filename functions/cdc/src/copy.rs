//! Rows of a table as `COPY … TO STDOUT` writes them: the same texts as logical decoding, since
//! both come from the output function of each type.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use shopflow_core::{Error, Result};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::CopyOutStream;

use crate::context::SCHEMA;
use crate::pgoutput::{Column, Relation, Tuple, Value};

/// A table as the catalog describes it, with the columns that logical decoding sends.
///
/// # Errors
/// `InvalidInput` when there is no such table.
pub async fn describe(client: &Client, table: &str) -> Result<Arc<Relation>> {
    let rows = client
        .query(
            "SELECT c.oid, a.attname::text, a.atttypid, a.atttypmod, \
                 coalesce(a.attnum = ANY(i.indkey::int2[]), false) \
             FROM pg_class AS c \
             JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 \
                 AND NOT a.attisdropped AND a.attgenerated = '' \
             LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary \
             WHERE c.relnamespace = $1::text::regnamespace AND c.relname = $2 \
             ORDER BY a.attnum",
            &[&SCHEMA, &table],
        )
        .await
        .or_db("read columns")?;
    let Some(first) = rows.first() else {
        return Err(Error::invalid("there is no such table")
            .with("table", format!("{SCHEMA}.{table}"))
            .hint("correct cdc.tables"));
    };
    let columns = rows.iter().map(|row| Column {
        name: row.get(1),
        type_oid: row.get(2),
        type_modifier: row.get(3),
        is_key: row.get(4),
    });
    Ok(Arc::new(Relation {
        oid: first.get(0),
        namespace: SCHEMA.to_owned(),
        name: table.to_owned(),
        replica_identity: b'd',
        columns: columns.collect(),
    }))
}

/// The columns of a relation for a select list.
pub fn select_list(relation: &Relation) -> String {
    let names: Vec<String> = relation.columns.iter().map(|column| quoted(&column.name)).collect();
    names.join(", ")
}

/// A name as an SQL identifier.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The lines of a `COPY` in text format.
pub struct Lines {
    stream: std::pin::Pin<Box<CopyOutStream>>,
    rest: BytesMut,
}

impl Lines {
    /// Starts `COPY (query) TO STDOUT`.
    ///
    /// # Errors
    /// `Transient.Database` when the connection is lost.
    pub async fn open(client: &Client, query: &str) -> Result<Lines> {
        let stream = client.copy_out(&format!("COPY ({query}) TO STDOUT")).await;
        Ok(Lines { stream: Box::pin(stream.or_db("read table")?), rest: BytesMut::new() })
    }

    /// The next line without its end; `None` after the last one.
    ///
    /// # Errors
    /// `Transient.Database` when the connection is lost, `Internal` when a line is cut off.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line = self.rest.split_to(end + 1).freeze();
                line.truncate(end);
                return Ok(Some(line));
            }
            match self.stream.next().await {
                // The server sends a message per row.
                Some(Ok(chunk)) if self.rest.is_empty() && is_line(&chunk) => {
                    return Ok(Some(chunk.slice(..chunk.len() - 1)));
                }
                Some(Ok(chunk)) => self.rest.extend_from_slice(&chunk),
                Some(Err(error)) => return Err(error).or_db("read table"),
                None if self.rest.is_empty() => return Ok(None),
                None => return Err(Error::internal("read table failed: a row is cut off")),
            }
        }
    }
}

fn is_line(chunk: &[u8]) -> bool {
    chunk.iter().position(|byte| *byte == b'\n') == Some(chunk.len().wrapping_sub(1))
}

/// Splits a line into its values; `None` is null.
///
/// # Errors
/// `Internal` when it is not UTF-8.
pub fn fields(line: &[u8]) -> Result<Vec<Option<Cow<'_, str>>>> {
    let line = std::str::from_utf8(line)
        .map_err(|_| Error::internal("read table failed: text is not UTF-8"))?;
    let field = |text| if text == "\\N" { None } else { Some(unescaped(text)) };
    Ok(line.split('\t').map(field).collect())
}

/// The fields as a row of `relation`, whose columns come first.
///
/// # Errors
/// `Internal` when there are fewer fields than columns.
pub fn tuple<'a>(relation: &Relation, fields: &'a [Option<Cow<'_, str>>]) -> Result<Tuple<'a>> {
    let Some(own) = fields.get(..relation.columns.len()) else {
        return Err(
            Error::internal("read table failed: a row lacks columns").with("table", &relation.name)
        );
    };
    let value = |field: &'a Option<Cow<'_, str>>| match field {
        Some(text) => Value::Text(text),
        None => Value::Null,
    };
    Ok(Tuple(own.iter().map(value).collect()))
}

fn unescaped(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('\\') else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut characters = text[first..].chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_escapes_are_told_from_text() {
        let line = "1\t\\N\t\ta\\tb\\\\N\\nc\té";
        let found: Vec<Option<String>> = fields(line.as_bytes())
            .unwrap()
            .into_iter()
            .map(|field| field.map(Cow::into_owned))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(found, [text("1"), None, text(""), text("a\tb\\N\nc"), text("é")]);
        assert!(fields(b"\xff").is_err());
    }
}
