//! One file on several threads.
//!
//! The bytes are cut into equal ranges, and each is moved to the next end of a record. A line feed
//! ends a record unless it stands within quotes; whether it does is known from the number of quotes
//! before it. The ranges are read as if no cut lay within quotes, and the quotes are counted on the
//! way. Where a number turns out odd, which takes a line break within a value at just that place
//! or a broken quote, the quotes of all ranges are counted first and everything is read again.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use shopflow_core::Result;
use shopflow_core::error::{Error, ErrorKind, ResultExt};

use super::{CHUNK, CsvReader, Part, RECORD_LIMIT, read_all};
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
    let cuts: Vec<u64> = (0..parts).map(|part| size * part / parts).collect();
    let guess = starts(path, size, &cuts, &vec![false; cuts.len()])?;
    // Starts out of order belong to different guesses about the same quotes.
    if guess.is_sorted() {
        let read = read_ranges(plan, path, size, guess)?;
        let (_, before) = read.split_last().ok_or_else(no_ranges)?;
        if before.iter().all(|part| !part.odd_quotes) {
            return merged(read);
        }
    }
    let within = cuts_within_quotes(path, size, &cuts)?;
    let starts = starts(path, size, &cuts, &within)?;
    merged(read_ranges(plan, path, size, starts)?)
}

fn no_ranges() -> Error {
    Error::internal("a file was cut into no ranges")
}

/// Where records begin behind the `cuts`; `within` says which of those lie within quotes.
fn starts(path: &Path, size: u64, cuts: &[u64], within: &[bool]) -> Result<Vec<u64>> {
    let behind = cuts.iter().zip(within).skip(1);
    let behind = behind.map(|(cut, within)| next_record(path, *cut, size, *within));
    std::iter::once(Ok(0)).chain(behind).collect()
}

/// Reads the file from each start to the next.
fn read_ranges(plan: &Arc<Plan>, path: &Path, size: u64, starts: Vec<u64>) -> Result<Vec<Part>> {
    let header = header(path)?;
    let mut starts = starts;
    starts.dedup();
    in_parallel(&between(&starts, size), |(start, end)| {
        let mut reader = CsvReader::new(plan);
        if *start > 0 {
            reader.feed(&header)?;
        }
        read_all(&mut reader, &mut part(path, *start, *end)?)?;
        reader.end()
    })
}

fn merged(parts: Vec<Part>) -> Result<State> {
    let mut states = parts.into_iter().map(|part| part.state);
    let mut all = states.next().ok_or_else(no_ranges)?;
    states.try_for_each(|next| all.merge(next))?;
    Ok(all)
}

fn between(starts: &[u64], size: u64) -> Vec<(u64, u64)> {
    let ends = starts.iter().skip(1).copied().chain([size]);
    starts.iter().copied().zip(ends).collect()
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
pub(super) fn header(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(RECORD_LIMIT as u64);
    file.read_to_end(&mut bytes).or_error(ErrorKind::TransientStorage, "read a header failed")?;
    bytes.truncate(end_of_record(&bytes, false).0.unwrap_or(bytes.len()));
    Ok(bytes)
}

/// Which cuts have an odd number of quotes before them.
fn cuts_within_quotes(path: &Path, size: u64, cuts: &[u64]) -> Result<Vec<bool>> {
    let odd = in_parallel(&between(cuts, size), |(start, end)| {
        quotes_are_odd(part(path, *start, *end)?)
    })?;
    let before = odd.into_iter().scan(false, |within, odd| {
        let before = *within;
        *within ^= odd;
        Some(before)
    });
    Ok(before.collect())
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use arrow::datatypes::{DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;
    use crate::{Options, Suite};

    const SUITE: &str = "suite: s\nexpectations:\n\
        - expect_column_values_to_be_in_set: {column: a, value_set: [x]}\n\
        - expect_column_values_to_be_unique: {column: b}\n";

    fn plan() -> Arc<Plan> {
        let field = |name: &str| Field::new(name, DataType::Utf8, true);
        let schema = Arc::new(Schema::new(vec![field("a"), field("b")]));
        Plan::compile(&Suite::parse_yaml(SUITE).unwrap(), schema, &Options::default()).unwrap()
    }

    fn found(state: &State) -> Vec<Option<serde_json::Value>> {
        let results = state.finish().results;
        let counts = ["element_count", "unexpected_count", "missing_count"];
        results.iter().flat_map(|r| counts.map(|count| r.result.get(count).cloned())).collect()
    }

    proptest! {
        #[test]
        fn wherever_the_file_is_cut_the_verdict_is_that_of_the_whole(
            rows in prop::collection::vec(
                ("(x|ü|\"\n\n\"|\"x,\n\"\"y\n\"|)", "([0-9]{1,2}|\"\n7\")", "\r?"), 1..20,
            ),
            parts in 2u64..9,
        ) {
            let mut text = String::from("a,\"b\"\n");
            rows.iter().for_each(|(a, b, end)| text.push_str(&format!("{a},{b}{end}\n")));
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let (plan, size) = (plan(), text.len() as u64);
            let whole = crate::source::csv::validate(&plan, text.as_bytes()).unwrap();
            prop_assert_eq!(whole.rows(), rows.len() as u64);
            let cut = validate_parts(&plan, file.path(), size, parts).unwrap();
            prop_assert_eq!(cut.rows(), whole.rows(), "{:?}", text);
            prop_assert_eq!(found(&cut), found(&whole));
        }
    }
}
