//! Bridges between the asynchronous transfers and the blocking conversion: a bounded channel of
//! chunks on either side, read and written like files.

use std::io::{self, BufRead, Read, Write};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

/// Reads the chunks that arrive in a channel; ends when the sender is gone.
pub(crate) struct ChunkReader {
    chunks: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl ChunkReader {
    pub(crate) fn new(chunks: mpsc::Receiver<Bytes>) -> Self {
        ChunkReader { chunks, current: Bytes::new() }
    }
}

impl BufRead for ChunkReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => break,
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        self.current.advance(amount);
    }
}

impl Read for ChunkReader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(target.len());
        target[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// Sends what is written to it through a channel; waits while the channel is full.
pub(crate) struct ChunkWriter {
    chunks: mpsc::Sender<Bytes>,
}

impl ChunkWriter {
    pub(crate) fn new(chunks: mpsc::Sender<Bytes>) -> Self {
        ChunkWriter { chunks }
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.chunks
            .blocking_send(Bytes::copy_from_slice(content))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(content.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
