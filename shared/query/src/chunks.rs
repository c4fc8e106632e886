//! Parquet files of which only the columns that are asked for are in memory.
//!
//! The end of a file says where each column stands. From there a reader knows what to fetch:
//!
//! ```text
//! Chunks::tail(length)  -> the range to fetch first
//! Chunks::open(…)       -> what the file has where; it may ask for a longer end once
//! Chunks::missing(…)    -> the ranges of some columns that are not here yet
//! Chunks::insert(…)     -> one of them
//! Chunks::batches(…)    -> the columns, decoded
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::FOOTER_SIZE;
use ::parquet::file::metadata::{ColumnChunkMetaData, FooterTail, ParquetMetaDataReader};
use ::parquet::file::reader::{ChunkReader, Length};
use arrow::array::RecordBatch;
use bytes::{Buf, Bytes};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_lake::parquet::{READ_BATCH_ROWS, UNREADABLE, collect};

/// Bytes of a file's end that are fetched first. They describe a file of a hundred row groups.
const TAIL_BYTES: u64 = 64 * 1024;

/// Bytes between two wanted ranges that are fetched with them, since a request costs as much time.
const GAP_BYTES: u64 = 256 * 1024;

/// Some columns of a Parquet file. Clones share the bytes.
#[derive(Debug, Clone)]
pub struct Chunks {
    length: u64,
    metadata: ArrowReaderMetadata,
    /// What is here, by where it stands in the file.
    parts: BTreeMap<u64, Bytes>,
}

/// What the end of a file says.
#[derive(Debug)]
pub enum Opened {
    File(Chunks),
    /// The end has to be this long to say all.
    Longer(Range<u64>),
}

impl Chunks {
    /// The range of a file of `length` bytes that [`Chunks::open`] starts with.
    pub fn tail(length: u64) -> Range<u64> {
        length.saturating_sub(TAIL_BYTES)..length
    }

    /// A file of `length` bytes that ends with `tail`.
    ///
    /// # Errors
    /// `InvalidInput` when it is no Parquet file.
    pub fn open(length: u64, tail: &Bytes) -> Result<Opened> {
        let footer = tail.len().checked_sub(FOOTER_SIZE);
        let footer = footer.and_then(|start| tail[start..].try_into().ok());
        let footer = footer.ok_or_else(|| Error::invalid(UNREADABLE).because("it is too short"))?;
        let needed = FooterTail::try_new(footer)
            .or_error(ErrorKind::InvalidInput, UNREADABLE)?
            .metadata_length()
            + FOOTER_SIZE;
        if needed as u64 > length {
            return Err(Error::invalid(UNREADABLE).because("its end is longer than it is"));
        }
        let Some(start) = tail.len().checked_sub(needed) else {
            return Ok(Opened::Longer(length - needed as u64..length));
        };
        let read = || {
            let content = &tail[start..tail.len() - FOOTER_SIZE];
            let metadata = ParquetMetaDataReader::decode_metadata(content)?;
            ArrowReaderMetadata::try_new(Arc::new(metadata), Default::default())
        };
        let metadata = read().or_error(ErrorKind::InvalidInput, UNREADABLE)?;
        Ok(Opened::File(Chunks { length, metadata, parts: BTreeMap::new() }))
    }

    /// Ranges to fetch for some top-level columns, in the order of the file. Ranges that stand close
    /// to each other come as one; a name that the file does not have is left out.
    ///
    /// # Errors
    /// `InvalidInput` when the file claims what cannot be.
    pub fn missing(&self, names: &[&str]) -> Result<Vec<Range<u64>>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for range in self.ranges(names)? {
            if self.find(range.start, range.end - range.start).is_some() {
                continue;
            }
            match ranges.last_mut().filter(|last| range.start <= last.end + GAP_BYTES) {
                Some(last) => last.end = last.end.max(range.end),
                None => ranges.push(range),
            }
        }
        Ok(ranges)
    }

    /// Takes in what stands at `start`.
    pub fn insert(&mut self, start: u64, content: Bytes) {
        self.parts.insert(start, content);
    }

    /// Takes in what another copy of the same file has, and returns how many bytes are new.
    pub fn join(&mut self, other: &Chunks) -> usize {
        let before = self.bytes();
        for (start, content) in &other.parts {
            if self.find(*start, content.len() as u64).is_none() {
                self.parts.insert(*start, content.clone());
            }
        }
        self.bytes() - before
    }

    /// Bytes of the file that are here.
    pub fn bytes(&self) -> usize {
        self.parts.values().map(Bytes::len).sum()
    }

    /// Bytes of memory: those, and what describes the file.
    pub fn memory(&self) -> usize {
        self.bytes() + self.metadata.metadata().memory_size()
    }

    /// As [`shopflow_lake::parquet::decode_batches`], of columns that are all here.
    ///
    /// # Errors
    /// `InvalidInput` when it is no Parquet file, now or at a batch.
    pub fn batches(
        self,
        names: &[&str],
        rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
        let reader = self.reader(names, rows)?;
        Ok(reader.map(|batch| batch.or_error(ErrorKind::InvalidInput, UNREADABLE)))
    }

    /// As [`shopflow_lake::parquet::decode_columns`], of columns that are all here.
    ///
    /// # Errors
    /// `InvalidInput` when it is no Parquet file.
    pub fn decode(self, names: &[&str]) -> Result<Vec<RecordBatch>> {
        collect(self.reader(names, READ_BATCH_ROWS)?)
    }

    fn reader(self, names: &[&str], rows: usize) -> Result<ParquetRecordBatchReader> {
        let metadata = self.metadata.clone();
        let mask = ProjectionMask::columns(metadata.parquet_schema(), names.iter().copied());
        ParquetRecordBatchReaderBuilder::new_with_metadata(self, metadata)
            .with_batch_size(rows)
            .with_projection(mask)
            .build()
            .or_error(ErrorKind::InvalidInput, UNREADABLE)
    }

    fn ranges(&self, names: &[&str]) -> Result<Vec<Range<u64>>> {
        let groups = self.metadata.metadata().row_groups().iter();
        let mut ranges = groups
            .flat_map(|group| group.columns())
            .filter(|column| {
                let name = column.column_path().parts().first();
                name.is_some_and(|name| names.contains(&name.as_str()))
            })
            .map(|column| self.range(column))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::invalid(UNREADABLE).because("a column is outside of the file"))?;
        ranges.sort_by_key(|range| range.start);
        Ok(ranges)
    }

    fn range(&self, column: &ColumnChunkMetaData) -> Option<Range<u64>> {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let start = u64::try_from(start).ok()?;
        let end = start.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
        (end <= self.length).then_some(start..end)
    }

    /// The bytes from `start` on, at least `length`, as far as they were inserted together.
    fn find(&self, start: u64, length: u64) -> Option<Bytes> {
        let end = start.checked_add(length)?;
        let mut parts = self.parts.range(..=start).rev();
        let (at, part) = parts.find(|(at, part)| **at + part.len() as u64 >= end)?;
        Some(part.slice((start - at) as usize..))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> std::result::Result<Self::T, ParquetError> {
        self.find(start, 1).map(Buf::reader).ok_or_else(|| absent(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> std::result::Result<Bytes, ParquetError> {
        let found = self.find(start, length as u64).map(|part| part.slice(..length));
        found.ok_or_else(|| absent(start))
    }
}

fn absent(start: u64) -> ParquetError {
    ParquetError::EOF(format!("the bytes at {start} were not fetched"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::compute::concat_batches;
    use shopflow_lake::parquet::{ROW_GROUP_ROWS, decode_columns, encode};

    /// A file of several row groups whose middle column is the largest.
    fn file() -> (RecordBatch, Bytes) {
        let rows = ROW_GROUP_ROWS as i64 + 1000;
        let mixed = |factor: i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row * factor % 65_537)))
        };
        let text =
            (0..rows).map(|row| format!("{}", row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64)));
        let text: ArrayRef = Arc::new(StringArray::from_iter_values(text));
        let columns = [("a", mixed(7)), ("text", text), ("b", mixed(31))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let content = encode(batch.schema(), std::slice::from_ref(&batch)).unwrap();
        (batch, content)
    }

    fn opened(content: &Bytes) -> Chunks {
        let cut = |range: Range<u64>| content.slice(range.start as usize..range.end as usize);
        let length = content.len() as u64;
        match Chunks::open(length, &cut(Chunks::tail(length))).unwrap() {
            Opened::File(file) => file,
            Opened::Longer(_) => panic!("the end was long enough"),
        }
    }

    fn fetch(file: &mut Chunks, content: &Bytes, names: &[&str]) -> usize {
        let ranges = file.missing(names).unwrap();
        for range in &ranges {
            file.insert(range.start, content.slice(range.start as usize..range.end as usize));
        }
        ranges.len()
    }

    #[test]
    fn columns_are_what_the_whole_file_says_and_only_they_are_fetched() {
        let (all, content) = file();
        let mut file = opened(&content);
        for names in [&["b"][..], &["a", "b"], &["text", "b", "unheard_of"]] {
            assert!(fetch(&mut file, &content, names) > 0, "{names:?}");
            assert_eq!(file.missing(names).unwrap(), []);
            let batches: Vec<_> =
                file.clone().batches(names, 10_000).unwrap().collect::<Result<_>>().unwrap();
            let whole = decode_columns(content.clone(), names).unwrap();
            let schema = whole[0].schema();
            let rows = concat_batches(&schema, &batches).unwrap();
            assert_eq!(rows, concat_batches(&schema, &whole).unwrap());
            assert_eq!(rows.num_rows(), all.num_rows());
            if !names.contains(&"text") {
                assert!(file.bytes() < content.len() / 2, "{} bytes", file.bytes());
            }
        }
    }

    #[test]
    fn columns_that_stand_together_are_fetched_together() {
        let (_, content) = file();
        assert_eq!(fetch(&mut opened(&content), &content, &["a", "text", "b"]), 1);
        assert!(fetch(&mut opened(&content), &content, &["a"]) > 1);
    }

    #[test]
    fn a_column_is_found_behind_one_that_came_before_it() {
        let column = |rows: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(0..rows)) };
        let columns = ["a", "b", "c"].map(|name| (name, column(1000)));
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let content = encode(batch.schema(), std::slice::from_ref(&batch)).unwrap();
        let mut file = opened(&content);
        fetch(&mut file, &content, &["b"]);
        assert_eq!(fetch(&mut file, &content, &["a", "c"]), 1);
        let batches: Vec<_> =
            file.batches(&["a", "b", "c"], 1000).unwrap().collect::<Result<_>>().unwrap();
        assert_eq!(batches, [batch]);
    }

    #[test]
    fn copies_of_a_file_share_what_each_has_fetched() {
        let (_, content) = file();
        let (mut one, mut two) = (opened(&content), opened(&content));
        fetch(&mut one, &content, &["a"]);
        fetch(&mut two, &content, &["b"]);
        let bytes = one.bytes() + two.bytes();
        assert_eq!(one.join(&two), two.bytes());
        assert_eq!(one.bytes(), bytes);
        assert_eq!(one.join(&two), 0);
        assert_eq!(one.missing(&["a", "b"]).unwrap(), []);
    }

    #[test]
    fn an_end_that_is_cut_short_is_asked_for_again() {
        let (_, content) = file();
        let length = content.len() as u64;
        let short = content.slice(content.len() - 100..);
        let Opened::Longer(range) = Chunks::open(length, &short).unwrap() else {
            panic!("a hundred bytes do not describe the file")
        };
        let longer = content.slice(range.start as usize..);
        assert!(matches!(Chunks::open(length, &longer).unwrap(), Opened::File(_)));
    }

    #[test]
    fn what_is_no_parquet_file_is_refused() {
        for content in [&b""[..], b"PAR1", b"id,name\n1,lamp and more\n", b"\xff\xff\xff\x7fPAR1"] {
            let content = Bytes::from_static(content);
            let error = Chunks::open(content.len() as u64, &content).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    }

    #[test]
    fn a_column_that_was_not_fetched_is_an_error_and_no_wrong_answer() {
        let (_, content) = file();
        let mut batches = opened(&content).batches(&["a"], 100).unwrap();
        assert!(batches.next().unwrap().is_err());
    }
}
