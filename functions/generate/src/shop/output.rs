//! Rows on their way out: chunks instead of rows, defects planted as they pass.

use std::io::{self, Write};

use shopflow_core::Dataset;
use shopflow_core::dataset::Format;

use super::defects::Defects;
use super::plant;

/// Bytes that are collected before they are handed on.
const CHUNK: usize = 256 * 1024;

/// What was written to one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Data rows, without the header.
    pub rows: u64,
    pub bytes: u64,
    /// Rows that carry a planted defect.
    pub defects: u64,
}

/// Collects the rows of one dataset and hands them on in chunks.
pub struct Output<'a, W> {
    dataset: Dataset,
    columns: Vec<&'static str>,
    defects: &'a Defects,
    out: W,
    buffer: Vec<u8>,
    written: Written,
}

impl<'a, W: Write> Output<'a, W> {
    /// An output of these columns that starts with the header, if files of the dataset have one.
    pub fn new(dataset: Dataset, columns: Vec<&'static str>, defects: &'a Defects, out: W) -> Self {
        let mut buffer = Vec::with_capacity(CHUNK + 4096);
        if dataset.format() == Format::Csv {
            buffer.extend_from_slice(columns.join(",").as_bytes());
            buffer.push(b'\n');
        }
        Output { dataset, columns, defects, out, buffer, written: Written::default() }
    }

    /// Rows so far: the position of the next row, from 0.
    #[inline]
    pub fn rows(&self) -> u64 {
        self.written.rows
    }

    /// Adds one row, which `write` must end with a line feed.
    #[inline]
    pub fn row(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let start = self.buffer.len();
        write(&mut self.buffer);
        if self.defects.hits(self.dataset, self.written.rows) {
            self.spoil(start);
        }
        self.written.rows += 1;
        if self.buffer.len() >= CHUNK {
            self.hand_on()?;
        }
        Ok(())
    }

    #[cold]
    fn spoil(&mut self, start: usize) {
        let defect = self.defects.at(self.dataset, self.written.rows);
        let row = self.buffer.split_off(start);
        plant::plant(&mut self.buffer, self.dataset.format(), &self.columns, &row, &defect);
        self.written.defects += 1;
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.written.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Hands on what is left.
    pub fn finish(mut self) -> io::Result<Written> {
        self.hand_on()?;
        self.out.flush()?;
        Ok(self.written)
    }
}
