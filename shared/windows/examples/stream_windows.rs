//! Windows and visits of a file of clicks, in one thread and in memory.
//!
//! * `stream_windows windows <clicks.jsonl> <folder> <definition.yaml>...` writes
//!   `<definition>.jsonl` and `sessions.jsonl` into the folder: a line per window and key, and one
//!   per visit.
//! * `stream_windows parse <clicks.jsonl>` only parses, for comparison.
//!
//! Prints events, seconds and CPU seconds as one JSON object. Fails when an event is refused or too
//! late.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};
use shopflow_core::Settings;
use shopflow_windows::{
    Batch, Definitions, Fate, Micros, Parts, Reader, Rows, Session, State, is_too_late,
    merge_intervals, micros, record, slice_start,
};

/// Bytes of a record, as large as Kinesis takes one.
const RECORD: usize = 1 << 20;
/// Records of a batch: what Lambda hands over at once is not more than 6 MB in Base64.
const RECORDS: usize = 4;
/// By how much events may be out of order.
const OUT_OF_ORDER: Micros = 30_000_000;
/// Room in a record for the line that ends it.
const LINE: usize = 64 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let started = Instant::now();
    let events = match arguments.as_slice() {
        [mode, clicks] if mode == "parse" => parse(Path::new(clicks)),
        [mode, clicks, out, files @ ..] if mode == "windows" => {
            let files: Vec<(String, String)> = files.iter().map(|file| definition(file)).collect();
            let files: Vec<(&str, &str)> =
                files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            let definitions = Definitions::from_files(&files).unwrap();
            windows(Path::new(clicks), Path::new(out), &definitions)
        }
        _ => panic!("windows CLICKS FOLDER DEFINITION... or parse CLICKS"),
    };
    let seconds = started.elapsed().as_secs_f64();
    let figures = json!({
        "events": events,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds(),
        "events_per_second": events as f64 / seconds,
    });
    println!("{figures}");
}

/// Name and text of a definition's file.
fn definition(file: &str) -> (String, String) {
    let name = Path::new(file).file_stem().unwrap().to_str().unwrap().to_owned();
    (name, std::fs::read_to_string(file).unwrap())
}

/// CPU seconds of this thread, where the system tells them.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

fn lines_of(clicks: &Path) -> BufReader<File> {
    BufReader::with_capacity(RECORD, File::open(clicks).unwrap())
}

/// Puts the next lines into a record; false at the end of the file.
fn fill(lines: &mut impl BufRead, data: &mut Vec<u8>) -> bool {
    data.clear();
    while data.len() < RECORD - LINE && lines.read_until(b'\n', data).unwrap() > 0 {}
    !data.is_empty()
}

/// The columns of a click as they stand in the line.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is about what parsing costs")]
struct Plain<'a> {
    event_id: &'a str,
    session_id: &'a str,
    customer_id: Option<u64>,
    event_type: &'a str,
    product_id: Option<u64>,
    url: &'a str,
    referrer: Option<&'a str>,
    device: &'a str,
    country: &'a str,
    timestamp: &'a str,
}

fn parse(clicks: &Path) -> u64 {
    let mut lines = lines_of(clicks);
    let mut line = Vec::new();
    let mut events = 0;
    while lines.read_until(b'\n', &mut line).unwrap() > 0 {
        black_box(serde_json::from_slice::<Plain<'_>>(&line).unwrap());
        events += 1;
        line.clear();
    }
    events
}

fn windows(clicks: &Path, out: &Path, definitions: &Definitions) -> u64 {
    let settings = Settings::from_sources("local", HashMap::new(), &[]).unwrap();
    let reader = Reader::new(&settings);
    let mut lines = lines_of(clicks);
    let mut stream = Stream::new(definitions, out);
    let (mut data, mut buffer) = (Vec::with_capacity(RECORD), Vec::new());
    let mut events = 0;
    loop {
        let mut batch = Batch::new(definitions, stream.watermark);
        let before = events;
        for _ in 0..RECORDS {
            if !fill(&mut lines, &mut data) {
                break;
            }
            for event in record::events(&data, &mut buffer).unwrap() {
                let click = reader.read(event).unwrap();
                if let Fate::TooLate = batch.add(&click) {
                    panic!("event {events} is too late");
                }
                events += 1;
            }
        }
        if events == before {
            break;
        }
        stream.take(batch.into_parts());
    }
    stream.close(Micros::MAX);
    stream.finish();
    events
}

/// What is open of a stream, and the files for what is closed.
struct Stream<'d> {
    definitions: &'d Definitions,
    watermark: Option<Micros>,
    /// By definition and slice.
    slices: BTreeMap<(usize, i64), State>,
    /// Windows with events: the slice behind them, definition, first slice.
    open: BTreeSet<(i64, usize, i64)>,
    visits: HashMap<String, Vec<Session>>,
    windows: Vec<BufWriter<File>>,
    sessions: BufWriter<File>,
}

impl<'d> Stream<'d> {
    fn new(definitions: &'d Definitions, out: &Path) -> Stream<'d> {
        let create =
            |name: &str| BufWriter::new(File::create(out.join(format!("{name}.jsonl"))).unwrap());
        let windows = definitions.windows.iter().map(|definition| create(&definition.name));
        Stream {
            definitions,
            watermark: None,
            slices: BTreeMap::new(),
            open: BTreeSet::new(),
            visits: HashMap::new(),
            windows: windows.collect(),
            sessions: create("sessions"),
        }
    }

    /// Adds a batch, and closes what it brings to an end.
    fn take(&mut self, parts: Parts) {
        for ((definition, slice), state) in parts.slices {
            let its = &self.definitions.windows[definition];
            match self.slices.entry((definition, slice)) {
                Entry::Occupied(mut there) => there.get_mut().merge(its, &state),
                Entry::Vacant(free) => {
                    free.insert(state);
                    for size in &its.windows {
                        let starts = size.starts_of(slice);
                        self.open.extend(starts.map(|start| (size.end(start), definition, start)));
                    }
                }
            }
        }
        let gap = self.definitions.sessions.gap;
        for (session, visits) in parts.sessions.iter() {
            let all = self.visits.entry(session.to_owned()).or_default();
            all.extend_from_slice(visits);
            *all = merge_intervals(std::mem::take(all), gap);
        }
        if let Some(latest) = parts.latest {
            let watermark = (latest - OUT_OF_ORDER).max(self.watermark.unwrap_or(Micros::MIN));
            self.watermark = Some(watermark);
            self.close(watermark);
        }
    }

    fn close(&mut self, watermark: Micros) {
        while let Some(&(end, definition, start)) = self.open.first()
            && slice_start(end) <= watermark
        {
            self.open.pop_first();
            self.write(definition, start, end);
        }
        let windows = &self.definitions.windows;
        self.slices.retain(|(definition, slice), _| {
            !is_too_late(*slice, Some(watermark), windows[*definition].lateness)
        });
        let over = watermark.saturating_sub(micros(self.definitions.sessions.gap));
        let file = &mut self.sessions;
        self.visits.retain(|session, visits| {
            visits.retain(|visit| {
                let is_over = visit.ended_at < over;
                if is_over {
                    write_line(file, &shown(session, visit));
                }
                !is_over
            });
            !visits.is_empty()
        });
    }

    fn write(&mut self, definition: usize, start: i64, end: i64) {
        let its = &self.definitions.windows[definition];
        let slices = self.slices.range((definition, start)..(definition, end));
        let slices: Vec<&State> = slices.map(|(_, state)| state).collect();
        let file = &mut self.windows[definition];
        for row in Rows::of(its, &slices).iter() {
            let columns = [row.key, row.figures].map(|part| &part[1..part.len() - 1]);
            write!(file, "{{\"start\":{}", slice_start(start) / 1000).unwrap();
            for columns in columns.iter().filter(|columns| !columns.is_empty()) {
                write!(file, ",{columns}").unwrap();
            }
            file.write_all(b"}\n").unwrap();
        }
    }

    fn finish(mut self) {
        for file in self.windows.iter_mut().chain([&mut self.sessions]) {
            file.flush().unwrap();
        }
    }
}

fn shown(session: &str, visit: &Session) -> Value {
    json!({
        "session_id": session,
        "started": visit.started_at / 1000,
        "ended": visit.ended_at / 1000,
        "events": visit.events,
    })
}

fn write_line(file: &mut impl Write, line: &Value) {
    serde_json::to_writer(&mut *file, line).unwrap();
    file.write_all(b"\n").unwrap();
}
