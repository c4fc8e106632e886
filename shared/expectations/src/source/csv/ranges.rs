//! One file on several threads.
//!
//! The bytes are cut into equal ranges. A line feed ends a record unless it stands within quotes;
//! whether it does is known from the number of quotes before it, so each range counts its quotes
//! first, in parallel, and only then are the ranges moved to the next end of a record.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use shopflow_core::Result;
use shopflow_core::error::{Error, ErrorKind, ResultExt};

use super::{CHUNK, CsvReader, read_all};
use crate::plan::Plan;
use crate::state::State;

/// Ranges smaller than this are not worth a thread.
const LEAST: u64 = 4 << 20;

pub(super) fn validate_file(plan: &Arc<Plan>, path: &Path, threads: usize) -> Result<State> {
    let size =
        open(path)?.metadata().or_error(ErrorKind::Internal, "read a file's size failed")?.len();
    validate_parts(plan, path, size, (threads.max(1) as u64).min((size / LEAST).max(1)))
}

fn validate_parts(plan: &Arc<Plan>, path: &Path, size: u64, parts: u64) -> Result<State> {
    if parts == 1 {
        return super::validate(plan, open(path)?);
    }
    let starts = starts(path, size, parts)?;
    let header = header(path)?;
    let ends = starts.iter().skip(1).copied().chain([size]);
    let ranges: Vec<(u64, u64)> = starts.iter().copied().zip(ends).collect();
    let states = in_parallel(&ranges, |(start, end)| {
        let mut reader = CsvReader::new(plan);
        if *start > 0 {
            reader.feed(&header)?;
        }
        read_all(&mut reader, &mut part(path, *start, *end)?)?;
        reader.finish()
    })?;
    let mut states = states.into_iter();
    let mut all = states.next().ok_or_else(|| Error::internal("a file was cut into no ranges"))?;
    states.try_for_each(|next| all.merge(next))?;
    Ok(all)
}

fn open(path: &Path) -> Result<File> {
    File::open(path).or_error(ErrorKind::InvalidInput, format!("open {} failed", path.display()))
}

fn part(path: &Path, start: u64, end: u64) -> Result<impl Read> {
    let mut file = open(path)?;
    file.seek(SeekFrom::Start(start)).or_error(ErrorKind::Internal, "seek in a file failed")?;
    Ok(file.take(end - start))
}

fn in_parallel<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = items.iter().map(|item| scope.spawn(move || work(item))).collect();
        running
            .into_iter()
            .map(|thread| {
                thread.join().unwrap_or_else(|_| Err(Error::internal("a reading thread failed")))
            })
            .collect()
    })
}

/// The first record with its line break.
fn header(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(CHUNK as u64);
    file.read_to_end(&mut bytes).or_error(ErrorKind::TransientStorage, "read a header failed")?;
    bytes.truncate(end_of_record(&bytes, false).0.unwrap_or(bytes.len()));
    Ok(bytes)
}

/// Where records begin, near equal shares of the file.
fn starts(path: &Path, size: u64, parts: u64) -> Result<Vec<u64>> {
    let cuts: Vec<u64> = (0..parts).map(|part| size * part / parts).collect();
    let ends = cuts.iter().skip(1).copied().chain([size]);
    let ranges: Vec<(u64, u64)> = cuts.iter().copied().zip(ends).collect();
    let odd = in_parallel(&ranges, |(start, end)| quotes_are_odd(part(path, *start, *end)?))?;
    let mut starts = vec![0];
    let mut within = false;
    for (cut, odd) in cuts.iter().skip(1).zip(odd) {
        within ^= odd;
        starts.push(next_record(path, *cut, size, within)?);
    }
    starts.dedup();
    Ok(starts)
}

fn quotes_are_odd(mut from: impl Read) -> Result<bool> {
    let mut buffer = vec![0; CHUNK];
    let mut odd = false;
    loop {
        let read = from
            .read(&mut buffer)
            .or_error(ErrorKind::TransientStorage, "read a CSV file failed")?;
        if read == 0 {
            return Ok(odd);
        }
        odd ^= memchr::memchr_iter(b'"', &buffer[..read]).count() % 2 == 1;
    }
}

/// Start of the record after the one that `from` lies in.
fn next_record(path: &Path, from: u64, size: u64, within: bool) -> Result<u64> {
    let mut file = part(path, from, size)?;
    let mut buffer = vec![0; 64 * 1024];
    let (mut at, mut within) = (from, within);
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
        within = still_within;
        at += read as u64;
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
