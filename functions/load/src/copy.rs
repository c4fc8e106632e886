//! One raw file from S3 into a `COPY`: a task reads, a thread parses and encodes, a task sends.
//! Bounded channels between them keep memory flat whatever the size of the file.

use std::io::{self, Read};
use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use futures::SinkExt;
use shopflow_core::contract::ManifestEntry;
use shopflow_core::storage::ObjectReader;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};
use shopflow_postgres::PgResultExt;
use tokio::sync::mpsc;
use tokio_postgres::Transaction;

use crate::encode::{Encoder, HEADER, TRAILER};

/// Size of the messages to Postgres, and how many of them wait at most.
const MESSAGE: usize = 256 * 1024;
const WAITING: usize = 4;

/// Streams the raw file of `entry` through `encoder` into `statement` (`COPY … FROM STDIN`).
/// Gives back the encoder, which knows what it has seen.
///
/// # Errors
/// `Transient.Storage`, `Transient.Database`, or `Internal` when the file is not what the manifest
/// says; the `COPY` is then aborted.
pub async fn copy(
    storage: &Storage,
    transaction: &Transaction<'_>,
    entry: &ManifestEntry,
    encoder: Encoder,
    statement: &str,
) -> Result<Encoder> {
    let reader = open(storage, entry).await?;
    let sink = transaction.copy_in(statement).await.or_db("start copy")?;
    let mut sink = pin!(sink);
    let (chunks, received) = mpsc::channel(WAITING);
    let (messages, mut encoded) = mpsc::channel(WAITING);
    let worker = tokio::task::spawn_blocking(move || encode_all(received, messages, encoder));
    let drain = async {
        while let Some(message) = encoded.recv().await {
            sink.send(message).await.or_db("copy rows")?;
        }
        Ok(())
    };
    // When one side fails, both are dropped: the worker finds its channels closed and ends, and
    // the copy is aborted, since only `finish` below completes it.
    tokio::try_join!(feed(reader, chunks), drain)?;
    let encoder = worker
        .await
        .or_error(ErrorKind::Internal, "encode rows failed")?
        .map_err(|error| error.with("key", &entry.raw.key))?;
    let rows = sink.finish().await.or_db("finish copy")?;
    if rows != encoder.rows {
        return Err(Error::internal("the copy lost rows").with("rows", rows));
    }
    Ok(encoder)
}

/// Begins to read the raw file.
pub async fn open(storage: &Storage, entry: &ManifestEntry) -> Result<ObjectReader> {
    let reader = storage.read(&entry.raw.reference()).await?;
    if reader.bytes() == entry.raw.bytes {
        return Ok(reader);
    }
    Err(Error::internal("the raw file is not as long as the manifest says")
        .with("key", &entry.raw.key)
        .with("bytes", reader.bytes())
        .with("manifest_bytes", entry.raw.bytes))
}

/// Passes the file on to the thread that parses it.
pub async fn feed(mut reader: ObjectReader, chunks: mpsc::Sender<Bytes>) -> Result<()> {
    while let Some(chunk) = reader.next().await? {
        if chunks.send(chunk).await.is_err() {
            // The worker has stopped; its own error says why.
            return Ok(());
        }
    }
    Ok(())
}

fn encode_all(
    chunks: mpsc::Receiver<Bytes>,
    messages: mpsc::Sender<Bytes>,
    mut encoder: Encoder,
) -> Result<Encoder> {
    let source = ChunkReader::new(chunks);
    let mut reader = open_csv(source);
    encoder.bind(reader.headers().map_err(unreadable)?)?;
    let mut out = BytesMut::with_capacity(MESSAGE * 2);
    out.extend_from_slice(HEADER);
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(unreadable)? {
        encoder.encode(&record, &mut out)?;
        if out.len() >= MESSAGE {
            if messages.blocking_send(out.split().freeze()).is_err() {
                return Err(Error::internal("copy was aborted"));
            }
            out.reserve(MESSAGE * 2);
        }
    }
    out.extend_from_slice(TRAILER);
    if messages.blocking_send(out.freeze()).is_err() {
        return Err(Error::internal("copy was aborted"));
    }
    Ok(encoder)
}

/// The records behind `source`, header first.
pub fn open_csv(source: ChunkReader) -> csv::Reader<ChunkReader> {
    csv::ReaderBuilder::new().buffer_capacity(128 * 1024).from_reader(source)
}

/// The position says enough; the parser's message could quote the row.
pub fn unreadable(error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    Error::internal("the raw file is not the CSV that validate accepted").with("line", line)
}

/// The chunks of an object as one blocking reader.
pub struct ChunkReader {
    chunks: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl ChunkReader {
    /// Reads what [`feed`] sends.
    pub fn new(chunks: mpsc::Receiver<Bytes>) -> Self {
        ChunkReader { chunks, current: Bytes::new() }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => return Ok(0),
            }
        }
        let length = self.current.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.current[..length]);
        self.current.advance(length);
        Ok(length)
    }
}
