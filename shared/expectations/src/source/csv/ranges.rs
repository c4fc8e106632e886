//! One file on several threads.
//!
//! The bytes are cut into ranges: a large one for each thread, and small ones for whichever thread
//! is done first. Each cut is moved to where the next record begins: behind a line feed, if that
//! does not stand within quotes. That no quote is open at a cut is a guess. It is checked when the
//! ranges are joined, in their order: if the reader of the rows so far is within a record, the guess
//! was wrong, and that reader reads the range once more. So the result is that of one thread.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use shopflow_core::Result;
use shopflow_core::error::{Error, ErrorKind, ResultExt};

use super::reader::{self, BOM, CsvReader, Part, RECORD_LIMIT, read_all};
use super::record;
use crate::plan::Plan;
use crate::state::State;

/// Less than this is not worth a thread.
const LEAST: u64 = 4 << 20;
/// Small ranges for each thread.
const SMALL: u64 = 4;

/// Reads a whole file on `threads` threads, each over a range of its bytes.
///
/// # Errors
/// `InvalidInput` when the file cannot be read or its header lacks a column.
pub fn validate_file(plan: &Arc<Plan>, path: &Path, threads: usize) -> Result<State> {
    let size = size(path)?;
    let threads = (threads.max(1) as u64).min((size / LEAST).max(1));
    if threads == 1 {
        return reader::validate(plan, open(path)?);
    }
    // Two thirds in large ranges: enough for a thread that is half as fast as the others. Few and
    // large ones find more examples of repeated keys, which are looked for within a range.
    let large = size / 3 * 2;
    let cuts = (1..threads).map(|part| large / threads * part);
    let small = (0..SMALL * threads).map(|part| large + (size - large) / (SMALL * threads) * part);
    validate_cut(plan, path, &cuts.chain(small).collect::<Vec<_>>(), threads)
}

/// From where to where a range goes.
type Range = (u64, u64);

/// Reads a file that is cut at about these places, in order.
pub(super) fn validate_cut(
    plan: &Arc<Plan>,
    path: &Path,
    cuts: &[u64],
    threads: u64,
) -> Result<State> {
    let (header, size) = (header(path)?, size(path)?);
    let mut starts = vec![header.len() as u64];
    for cut in cuts.iter().filter(|cut| **cut > header.len() as u64) {
        starts.push(next_record(path, *cut, size)?);
    }
    // The next record may begin behind later cuts.
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([size]);
    let ranges: Vec<Range> = starts.iter().copied().zip(ends).collect();
    read_ranges(plan, path, &header, &ranges, threads)
}

fn read_ranges(
    plan: &Arc<Plan>,
    path: &Path,
    header: &[u8],
    ranges: &[Range],
    threads: u64,
) -> Result<State> {
    let next = AtomicUsize::new(0);
    let work = |sender: Sender<_>| {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(range) = ranges.get(at) else { break };
            // Nobody listens any more when a range before this one failed.
            if sender.send((at, read_range(plan, path, header, *range))).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        let (sender, parts) = mpsc::channel();
        let spawn = |sender: Sender<_>| scope.spawn(|| work(sender));
        let threads: Vec<_> = (0..threads).map(|_| spawn(sender.clone())).collect();
        drop(sender);
        let joined = join(plan, path, header, ranges, parts);
        for thread in threads {
            thread.join().map_err(|_| unread())?;
        }
        joined
    })
}

fn read_range(plan: &Arc<Plan>, path: &Path, header: &[u8], range: Range) -> Result<Part> {
    let mut reader = CsvReader::new(plan);
    reader.feed(header)?;
    read_all(&mut reader, &mut part(path, range)?)?;
    Ok(reader.into_part())
}

/// The state of the whole file, from the parts as they come.
fn join(
    plan: &Arc<Plan>,
    path: &Path,
    header: &[u8],
    ranges: &[Range],
    parts: Receiver<(usize, Result<Part>)>,
) -> Result<State> {
    let mut reader = CsvReader::new(plan);
    reader.feed(header)?;
    let mut early = BTreeMap::new();
    for (at, range) in ranges.iter().enumerate() {
        let next = loop {
            match early.remove(&at) {
                Some(next) => break next,
                None => early.extend([parts.recv().map_err(|_| unread())?]),
            }
        };
        if reader.is_between_records() {
            reader.append(next?)?;
        } else {
            read_all(&mut reader, &mut part(path, *range)?)?;
        }
    }
    reader.finish()
}

fn unread() -> Error {
    Error::internal("a range of the file was not read")
}

fn open(path: &Path) -> Result<File> {
    File::open(path).or_error(ErrorKind::InvalidInput, format!("open {} failed", path.display()))
}

fn size(path: &Path) -> Result<u64> {
    let size = open(path)?.metadata().map(|metadata| metadata.len());
    size.or_error(ErrorKind::Internal, "read a file's size failed")
}

fn part(path: &Path, (start, end): Range) -> Result<impl Read> {
    let mut file = open(path)?;
    file.seek(SeekFrom::Start(start)).or_error(ErrorKind::Internal, "seek in a file failed")?;
    Ok(file.take(end - start))
}

/// The first record with its line break, and what stands before it: a byte order mark, blank lines.
pub(super) fn header(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(RECORD_LIMIT as u64);
    file.read_to_end(&mut bytes).or_error(ErrorKind::TransientStorage, "read a header failed")?;
    let mark = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    let start = mark + record::blank_lines(&bytes[mark..], false);
    if let Some(end) = end_of_record(&bytes[start..], false).0 {
        bytes.truncate(start + end);
    }
    Ok(bytes)
}

/// Start of the record after the one that `from` lies in, if no quote is open there. Behind a quote
/// that stays open for longer than a record may be, the first line feed is as good a guess.
fn next_record(path: &Path, from: u64, size: u64) -> Result<u64> {
    let mut file = part(path, (from, size))?;
    let mut buffer = vec![0; 16 * 1024];
    let (mut at, mut within) = (from, false);
    let mut first_feed = None;
    loop {
        let read = file
            .read(&mut buffer)
            .or_error(ErrorKind::TransientStorage, "read a CSV file failed")?;
        if read == 0 {
            return Ok(size);
        }
        let (end, still_within) = end_of_record(&buffer[..read], within);
        if let Some(end) = end {
            return Ok(at + end as u64);
        }
        let feed = memchr::memchr(b'\n', &buffer[..read]);
        first_feed = first_feed.or(feed.map(|feed| at + feed as u64 + 1));
        within = still_within;
        at += read as u64;
        if at - from > RECORD_LIMIT as u64
            && let Some(feed) = first_feed
        {
            return Ok(feed);
        }
    }
}

/// Position behind the first line feed outside quotes, and whether the bytes end within quotes.
fn end_of_record(bytes: &[u8], within: bool) -> (Option<usize>, bool) {
    let mut within = within;
    for at in memchr::memchr2_iter(b'"', b'\n', bytes) {
        match bytes[at] {
            b'"' => within = !within,
            _ if !within => return (Some(at + 1), within),
            _ => {}
        }
    }
    (None, within)
}
