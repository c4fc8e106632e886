//! The rows of a quarantine file, streamed: memory does not grow with the file.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The columns of a quarantine file, in order.
const COLUMNS: [&str; 6] = ["line", "column", "rule", "value", "reason", "row"];
/// Pieces of the file that are read ahead.
const CHUNKS_AHEAD: usize = 4;
/// Rows that are parsed ahead.
const ROWS_AHEAD: usize = 64;

/// A refused row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Line of the source file the row starts on, from 1.
    pub line: u64,
    /// Empty when the whole row is at fault.
    pub column: String,
    pub rule: String,
    /// Masked by `validate` where it may be personal; see [`super::mask`] for the screen.
    pub value: String,
    pub reason: String,
    /// The row as quarantine keeps it; may hold personal values. See [`super::repair`].
    pub row: String,
}

/// A stream of refused rows.
#[derive(Debug)]
pub struct Rows {
    receiver: Receiver<Result<Refused>>,
}

impl Rows {
    /// Opens a quarantine file.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such object.
    pub async fn open(storage: &Storage, object: &ObjectRef) -> Result<Rows> {
        let mut reader = storage.read(object).await?;
        let (chunks, pieces) = mpsc::channel(CHUNKS_AHEAD);
        tokio::spawn(async move {
            loop {
                let (chunk, last) = match reader.next().await {
                    Ok(Some(chunk)) => (Ok(chunk), false),
                    Ok(None) => return,
                    Err(error) => (Err(error), true),
                };
                // Nobody listens any more when the rows were dropped.
                if chunks.send(chunk).await.is_err() || last {
                    return;
                }
            }
        });
        Ok(Rows::of(Chunks { pieces, current: Bytes::new() }, &object.key))
    }

    fn of(content: impl Read + Send + 'static, key: &str) -> Rows {
        let (sender, receiver) = mpsc::channel(ROWS_AHEAD);
        let key = key.to_owned();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = parse(content, &sender) {
                // Nobody listens any more when the rows were dropped.
                let _ = sender.blocking_send(Err(error.with("key", key)));
            }
        });
        Rows { receiver }
    }

    /// The next row, `None` at the end.
    ///
    /// # Errors
    /// `Transient.Storage` when the file cannot be read on, `InvalidInput` when it is no
    /// quarantine file.
    pub async fn next(&mut self) -> Result<Option<Refused>> {
        self.receiver.recv().await.transpose()
    }
}

fn parse(content: impl Read, sender: &Sender<Result<Refused>>) -> Result<()> {
    let mut reader = csv::Reader::from_reader(content);
    let header = reader.headers().map_err(unreadable)?;
    if header.iter().ne(COLUMNS) {
        return Err(Error::invalid("the object is not a quarantine file"));
    }
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let field = |index: usize| record.get(index).unwrap_or_default().to_owned();
        let row = Refused {
            line: field(0)
                .parse()
                .or_error(ErrorKind::InvalidInput, "a quarantine file names no line")?,
            column: field(1),
            rule: field(2),
            value: field(3),
            reason: field(4),
            row: field(5),
        };
        if sender.blocking_send(Ok(row)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The parser's own words may repeat parts of the file, so only what kind of problem it is goes on.
fn unreadable(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => {
            Error::new(ErrorKind::TransientStorage, "read quarantine failed").because(error)
        }
        _ => Error::invalid("the quarantine file is damaged"),
    }
}

/// What a task received from S3, for a parser that reads and waits.
struct Chunks {
    pieces: Receiver<Result<Bytes>>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.current = piece.map_err(io::Error::other)?,
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(content: &'static str) -> Result<Vec<Refused>> {
        let mut rows = Rows::of(content.as_bytes(), "quarantine/x.csv");
        let mut found = Vec::new();
        while let Some(row) = rows.next().await? {
            found.push(row);
        }
        Ok(found)
    }

    #[tokio::test]
    async fn rows_come_back_as_they_were_refused() {
        let found = all("line,column,rule,value,reason,row\n\
             7,price,invalid_price,x,why,\"1,\"\"a\nb\"\",books,x,Acme\"\n9,,field_count,,short,1\n")
        .await
        .unwrap();
        assert_eq!((found[0].line, found[0].rule.as_str()), (7, "invalid_price"));
        assert_eq!(found[0].row, "1,\"a\nb\",books,x,Acme");
        assert_eq!((found[1].column.as_str(), found[1].row.as_str()), ("", "1"));
    }

    #[tokio::test]
    async fn another_csv_file_is_no_quarantine() {
        let error = all("id,name\n1,Ann\n").await.unwrap_err().to_string();
        assert!(
            error.contains("not a quarantine file") && error.contains("quarantine/x.csv"),
            "{error}"
        );
        assert!(!error.contains("Ann"), "{error}");
    }

    #[tokio::test]
    async fn a_damaged_file_is_an_error_that_shows_nothing_of_it() {
        let error = all("line,column,rule,value,reason,row\n1,Ann\n").await.unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        assert!(!error.to_string().contains("Ann"), "{error}");
    }
}
