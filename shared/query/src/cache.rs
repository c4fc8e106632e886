//! Files of the lake that a call has in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use shopflow_core::{Error, Result, Storage};
use shopflow_lake::FileEntry;
use shopflow_lake::parquet::{self, blocking};

use crate::batches::project;
use crate::chunks::{Chunks, Opened};
use crate::origin::{Bucket, Origin};

/// Compressed bytes that may be on their way while a file is decoded.
const AHEAD_BYTES: u64 = 32 * 1024 * 1024;
/// Files up to this size are fetched whole: another request would take longer than their bytes.
const WHOLE_BYTES: u64 = 1024 * 1024;

/// Files of the lake that this call read or wrote, as long as they fit: what was just written is
/// not fetched again, and what several questions read is fetched once. A file's key names its
/// content.
#[derive(Debug, Clone)]
pub struct FileCache {
    inner: Arc<Mutex<CacheState>>,
}

#[derive(Debug)]
struct CacheState {
    free: usize,
    files: HashMap<String, Cached>,
}

#[derive(Debug, Clone)]
pub(crate) enum Cached {
    /// Written by this call.
    Rows(Vec<RecordBatch>),
    /// As fetched: a fraction of the size of its rows.
    Encoded(Bytes),
    /// Those columns of a large file that questions have named.
    Columns(Chunks),
}

impl Cached {
    fn memory(&self) -> usize {
        match self {
            Cached::Rows(batches) => batches.iter().map(RecordBatch::get_array_memory_size).sum(),
            Cached::Encoded(content) => content.len(),
            Cached::Columns(columns) => columns.memory(),
        }
    }
}

impl FileCache {
    /// A cache of at most `bytes`.
    pub fn new(bytes: usize) -> FileCache {
        let state = CacheState { free: bytes, files: HashMap::new() };
        FileCache { inner: Arc::new(Mutex::new(state)) }
    }

    /// The columns of a file that `schema` names, in its order; those that came after the file was
    /// written are null.
    ///
    /// # Errors
    /// As [`parquet::read_file`].
    pub async fn read(
        &self,
        storage: &Storage,
        bucket: &str,
        file: &FileEntry,
        schema: &SchemaRef,
    ) -> Result<Vec<RecordBatch>> {
        let origin = Bucket::origin(storage, bucket);
        let content = self.fetch(&origin, file, schema, true).await?;
        decode(content, origin, file.key.clone(), Arc::clone(schema)).await
    }

    /// [`FileCache::read`] of several files, one after the other; the next ones are on their way
    /// while one is decoded.
    pub fn read_each(
        &self,
        storage: &Storage,
        bucket: &str,
        files: Vec<FileEntry>,
        schema: &SchemaRef,
    ) -> impl Stream<Item = Result<Vec<RecordBatch>>> + Send + use<> {
        let (origin, schema) = (Bucket::origin(storage, bucket), Arc::clone(schema));
        self.fetch_ahead(&origin, files, &schema, true).and_then(move |(file, content)| {
            decode(content, Arc::clone(&origin), file.key, Arc::clone(&schema))
        })
    }

    /// Several files, each with at least the columns of `schema`; with `whole`, one read gets all of
    /// a file, which is right when most columns are needed.
    pub(crate) fn fetch_ahead(
        &self,
        origin: &Arc<dyn Origin>,
        files: Vec<FileEntry>,
        schema: &SchemaRef,
        whole: bool,
    ) -> impl Stream<Item = Result<(FileEntry, Cached)>> + Send + use<> {
        let largest = files.iter().map(|file| file.bytes).max().unwrap_or(0).max(1);
        let ahead = (AHEAD_BYTES / largest).clamp(1, origin.concurrent_reads() as u64) as usize;
        let (cache, origin, schema) = (self.clone(), Arc::clone(origin), Arc::clone(schema));
        futures::stream::iter(files)
            .map(move |file| {
                let (cache, origin) = (cache.clone(), Arc::clone(&origin));
                let schema = Arc::clone(&schema);
                async move {
                    let content = cache.fetch(&origin, &file, &schema, whole).await?;
                    Ok((file, content))
                }
            })
            .buffered(ahead)
    }

    async fn fetch(
        &self,
        origin: &Arc<dyn Origin>,
        file: &FileEntry,
        schema: &SchemaRef,
        whole: bool,
    ) -> Result<Cached> {
        let columns = match self.get(&file.key) {
            Some(Cached::Columns(columns)) => columns,
            Some(known) => return Ok(known),
            None if whole || file.bytes <= WHOLE_BYTES => {
                let content = origin.read(&file.key, None).await?;
                self.put_encoded(&file.key, &content);
                return Ok(Cached::Encoded(content));
            }
            None => open(origin, file).await?,
        };
        let columns = complete(columns, origin, file, schema).await?;
        self.put_columns(&file.key, &columns);
        Ok(Cached::Columns(columns))
    }

    fn get(&self, key: &str) -> Option<Cached> {
        self.inner.lock().ok()?.files.get(key).cloned()
    }

    /// Keeps the rows of a file if there is room.
    pub fn put(&self, key: &str, batches: &[RecordBatch]) {
        self.keep(key, Cached::Rows(batches.to_vec()));
    }

    /// Keeps the content of a file if there is room.
    pub fn put_encoded(&self, key: &str, content: &Bytes) {
        self.keep(key, Cached::Encoded(content.clone()));
    }

    /// Makes room: the file no longer belongs to its table.
    pub fn forget(&self, key: &str) {
        let Ok(mut state) = self.inner.lock() else { return };
        if let Some(gone) = state.files.remove(key) {
            state.free += gone.memory();
        }
    }

    /// Keeps columns of a file, beside those that are here, if there is room.
    fn put_columns(&self, key: &str, columns: &Chunks) {
        let Ok(mut state) = self.inner.lock() else { return };
        let (together, new) = match state.files.get(key) {
            None => (columns.clone(), columns.memory()),
            Some(Cached::Columns(known)) => {
                let mut together = known.clone();
                let new = together.join(columns);
                (together, new)
            }
            Some(_) => return,
        };
        if new <= state.free {
            state.files.insert(key.to_owned(), Cached::Columns(together));
            state.free -= new;
        }
    }

    fn keep(&self, key: &str, file: Cached) {
        let size = file.memory();
        let Ok(mut state) = self.inner.lock() else { return };
        if size > state.free || state.files.contains_key(key) {
            return;
        }
        state.files.insert(key.to_owned(), file);
        state.free -= size;
    }
}

/// What a large file has where.
async fn open(origin: &Arc<dyn Origin>, file: &FileEntry) -> Result<Chunks> {
    let located = |error| origin.located(error, &file.key);
    let tail = origin.read(&file.key, Some(Chunks::tail(file.bytes))).await?;
    let opened = match Chunks::open(file.bytes, &tail).map_err(located)? {
        Opened::File(columns) => return Ok(columns),
        Opened::Longer(range) => {
            let tail = origin.read(&file.key, Some(range)).await?;
            Chunks::open(file.bytes, &tail).map_err(located)?
        }
    };
    match opened {
        Opened::File(columns) => Ok(columns),
        Opened::Longer(_) => Err(located(Error::internal("end of a parquet file was cut short"))),
    }
}

/// Fetches those columns of `schema` that are not here yet.
async fn complete(
    mut columns: Chunks,
    origin: &Arc<dyn Origin>,
    file: &FileEntry,
    schema: &SchemaRef,
) -> Result<Chunks> {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let ranges = columns.missing(&names).map_err(|error| origin.located(error, &file.key))?;
    let reads = ranges.into_iter().map(|range| async move {
        let content = origin.read(&file.key, Some(range.clone())).await?;
        Ok::<_, Error>((range.start, content))
    });
    let mut reads = futures::stream::iter(reads).buffer_unordered(origin.concurrent_reads());
    while let Some((start, content)) = reads.try_next().await? {
        columns.insert(start, content);
    }
    drop(reads);
    Ok(columns)
}

async fn decode(
    content: Cached,
    origin: Arc<dyn Origin>,
    key: String,
    schema: SchemaRef,
) -> Result<Vec<RecordBatch>> {
    if let Cached::Rows(batches) = content {
        return batches.iter().map(|batch| project(batch, &schema)).collect();
    }
    let decode = move || {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let batches = match content {
            Cached::Encoded(content) => parquet::decode_columns(content, &names)?,
            Cached::Columns(columns) => columns.decode(&names)?,
            Cached::Rows(batches) => batches,
        };
        batches.iter().map(|batch| project(batch, &schema)).collect()
    };
    blocking(decode).await.map_err(|error| origin.located(error, &key))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use arrow::array::{ArrayRef, Int64Array};
    use async_trait::async_trait;
    use shopflow_core::ErrorKind;

    type Read = Option<Range<u64>>;

    /// One file, and what was read of it.
    #[derive(Debug)]
    struct Shelf {
        content: Bytes,
        reads: Mutex<Vec<Read>>,
    }

    #[async_trait]
    impl Origin for Shelf {
        async fn read(&self, _key: &str, range: Read) -> Result<Bytes> {
            self.reads.lock().unwrap().push(range.clone());
            let all = 0..self.content.len() as u64;
            let range = range.unwrap_or(all);
            Ok(self.content.slice(range.start as usize..range.end as usize))
        }

        fn concurrent_reads(&self) -> usize {
            4
        }

        fn located(&self, error: Error, key: &str) -> Error {
            error.with("key", key)
        }
    }

    struct Case {
        shelf: Arc<Shelf>,
        origin: Arc<dyn Origin>,
        file: FileEntry,
        all: RecordBatch,
    }

    /// A file with columns `a`, `b` and `c` of about eight bytes a row.
    fn case(rows: i64) -> Case {
        let column = |seed: i64| -> ArrayRef {
            let mixed = |row: i64| (row ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64);
            Arc::new(Int64Array::from_iter_values((0..rows).map(mixed)))
        };
        let columns = [("a", column(1)), ("b", column(2)), ("c", column(3))];
        let all = RecordBatch::try_from_iter(columns).unwrap();
        let content = parquet::encode(all.schema(), std::slice::from_ref(&all)).unwrap();
        let bytes = content.len() as u64;
        let shelf = Arc::new(Shelf { content, reads: Mutex::default() });
        let file =
            FileEntry { key: "f".to_owned(), bytes, rows: 0, sha256: String::new(), days: None };
        Case { origin: Arc::clone(&shelf) as Arc<dyn Origin>, shelf, file, all }
    }

    impl Case {
        /// Fetches columns, checks them, and says what was read for it.
        async fn fetch(&self, cache: &FileCache, columns: &[usize]) -> Vec<Read> {
            let expected = self.all.project(columns).unwrap();
            let schema = expected.schema();
            let content = cache.fetch(&self.origin, &self.file, &schema, false).await.unwrap();
            let origin = Arc::clone(&self.origin);
            let rows = decode(content, origin, "f".to_owned(), Arc::clone(&schema)).await.unwrap();
            assert_eq!(arrow::compute::concat_batches(&schema, &rows).unwrap(), expected);
            std::mem::take(&mut *self.shelf.reads.lock().unwrap())
        }
    }

    fn bytes(reads: &[Read]) -> u64 {
        reads.iter().flatten().map(|range| range.end - range.start).sum()
    }

    #[tokio::test]
    async fn of_a_large_file_each_column_is_read_once_and_only_if_it_is_asked_for() {
        let case = case(200_000);
        let cache = FileCache::new(1 << 30);
        let first = case.fetch(&cache, &[1]).await;
        assert_eq!(first.len(), 2, "its end and the column: {first:?}");
        assert!(bytes(&first) < case.file.bytes / 2, "{first:?}");
        assert_eq!(case.fetch(&cache, &[1]).await, []);
        let second = case.fetch(&cache, &[1, 2]).await;
        assert_eq!(second.len(), 1, "{second:?}");
        assert!(bytes(&second) < case.file.bytes / 2, "{second:?}");
        assert_eq!(case.fetch(&cache, &[2]).await, []);
    }

    #[tokio::test]
    async fn a_small_file_is_read_whole_and_once() {
        let case = case(1000);
        let cache = FileCache::new(1 << 30);
        assert_eq!(case.fetch(&cache, &[0]).await, [None]);
        assert_eq!(case.fetch(&cache, &[0, 2]).await, []);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_read_again_and_not_kept() {
        let case = case(200_000);
        let cache = FileCache::new(case.file.bytes as usize / 2);
        assert_eq!(case.fetch(&cache, &[0]).await.len(), 2);
        for _ in 0..2 {
            // There is room for one column of three.
            assert_eq!(case.fetch(&cache, &[0, 2]).await.len(), 1);
        }
        assert_eq!(case.fetch(&cache, &[0]).await, []);
    }

    #[tokio::test]
    async fn a_file_that_is_forgotten_makes_room_for_another() {
        let case = case(1000);
        let cache = FileCache::new(case.file.bytes as usize);
        assert_eq!(case.fetch(&cache, &[0]).await.len(), 1);
        cache.put_encoded("other", &case.shelf.content);
        assert!(cache.get("other").is_none(), "there is no room");
        cache.forget(&case.file.key);
        cache.put_encoded("other", &case.shelf.content);
        assert!(cache.get("other").is_some());
        assert_eq!(case.fetch(&cache, &[0]).await.len(), 1);
    }

    #[tokio::test]
    async fn a_broken_file_is_named() {
        let mut case = case(200_000);
        let content = vec![7_u8; case.file.bytes as usize].into();
        case.origin = Arc::new(Shelf { content, reads: Mutex::default() });
        let cache = FileCache::new(1 << 30);
        let schema = case.all.schema();
        let error = cache.fetch(&case.origin, &case.file, &schema, false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("key=f"), "{error}");
    }
}
