//! A raw file as chunks of encoded transactions: a task reads, a thread parses and encodes, and
//! the caller compares a chunk while the next ones are made. Memory is that of a few chunks.

use bytes::{Bytes, BytesMut};
use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::copy::{ChunkReader, feed, open, open_csv, unreadable};
use crate::encode::Encoder;
use crate::key::Key;

/// Rows of a chunk, and how many chunks wait at most.
const ROWS: usize = 32 * 1024;
const WAITING: usize = 2;
/// Pieces of the file that wait at most.
const PIECES: usize = 4;

/// Rows that follow each other in the file.
#[derive(Debug)]
pub struct Chunk {
    pub keys: Vec<Key>,
    /// Where each row ends in `bytes`.
    ends: Vec<usize>,
    bytes: BytesMut,
}

impl Chunk {
    fn new() -> Self {
        let bytes = BytesMut::with_capacity(ROWS * 112);
        Chunk { keys: Vec::with_capacity(ROWS), ends: Vec::with_capacity(ROWS), bytes }
    }

    /// The encoded row at `index`.
    pub fn row(&self, index: usize) -> &[u8] {
        let from = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[from..self.ends[index]]
    }
}

/// The chunks of one file.
pub struct Chunks {
    receiver: mpsc::Receiver<Chunk>,
    feeding: JoinHandle<Result<()>>,
    encoding: JoinHandle<Result<Encoder>>,
    key: String,
}

impl Chunks {
    /// Begins to read and encode the raw file of `entry`.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when the file has not the length the manifest says.
    pub async fn open(storage: &Storage, entry: &ManifestEntry, encoder: Encoder) -> Result<Self> {
        let reader = open(storage, entry).await?;
        let (pieces, received) = mpsc::channel(PIECES);
        let (sender, receiver) = mpsc::channel(WAITING);
        let encoding = tokio::task::spawn_blocking(move || encode(received, &sender, encoder));
        let feeding = tokio::spawn(feed(reader, pieces));
        Ok(Chunks { receiver, feeding, encoding, key: entry.raw.key.clone() })
    }

    /// The next chunk, `None` at the end or after a failure, which [`Chunks::finish`] tells.
    pub async fn next(&mut self) -> Option<Chunk> {
        self.receiver.recv().await
    }

    /// The encoder, which knows what it has seen.
    ///
    /// # Errors
    /// `Transient.Storage` when the file could not be read to its end, `Internal` when it is not
    /// what `validate` let pass.
    pub async fn finish(mut self) -> Result<Encoder> {
        (&mut self.feeding).await.or_error(ErrorKind::Internal, "read raw file failed")??;
        (&mut self.encoding)
            .await
            .or_error(ErrorKind::Internal, "encode rows failed")?
            .map_err(|error| error.with("key", &self.key))
    }
}

impl Drop for Chunks {
    /// A load that is given up reads no further; the thread then finds its channels closed.
    fn drop(&mut self) {
        self.feeding.abort();
    }
}

fn encode(
    pieces: mpsc::Receiver<Bytes>,
    chunks: &mpsc::Sender<Chunk>,
    mut encoder: Encoder,
) -> Result<Encoder> {
    let mut reader = open_csv(ChunkReader::new(pieces));
    encoder.bind(reader.headers().map_err(unreadable)?)?;
    let mut record = csv::ByteRecord::new();
    let mut chunk = Chunk::new();
    loop {
        let more = reader.read_byte_record(&mut record).map_err(unreadable)?;
        if more {
            let key = encoder.encode(&record, &mut chunk.bytes)?;
            chunk.keys.push(key);
            chunk.ends.push(chunk.bytes.len());
        }
        if chunk.keys.len() == ROWS || (!more && !chunk.keys.is_empty()) {
            let full = std::mem::replace(&mut chunk, Chunk::new());
            if chunks.blocking_send(full).is_err() {
                return Err(Error::internal("the load was abandoned"));
            }
        }
        if !more {
            return Ok(encoder);
        }
    }
}
