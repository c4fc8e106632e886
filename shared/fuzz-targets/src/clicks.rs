//! Clicks of the stream: records as producers send them, and states as Postgres keeps them.

use std::collections::HashMap;
use std::sync::LazyLock;

use shopflow_core::{Dataset, Settings};
use shopflow_validate::clock::Zone;
use shopflow_validate::engine::{Split, Validator};
use shopflow_windows::{
    Batch, Definitions, Fate, MOST_EVENT_BYTES, Reader, State, record, slice_of,
};

/// The format, and the version of the definition.
const HEADER: usize = 1 + 8;

static DEFINITIONS: LazyLock<Definitions> =
    LazyLock::new(|| Definitions::built_in().expect("the built-in definitions are good"));
pub(crate) static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let settings = Settings::from_sources("local", HashMap::new(), &[]);
    settings.expect("the settings are good")
});
pub(crate) static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(&SETTINGS));

/// The data of a record. Its events are read or refused; what is read `validate` lets pass in a file,
/// and adds up to states that are the same again when they have been stored.
pub fn record(data: &[u8]) {
    let mut buffer = Vec::new();
    let Ok(events) = record::events(data, &mut buffer) else { return };
    let mut batch = Batch::new(&DEFINITIONS, None);
    for event in events {
        let Ok(click) = READER.read(event) else { continue };
        assert!(event.len() <= MOST_EVENT_BYTES, "an event of {} bytes is read", event.len());
        assert!(is_valid(event), "validate refuses what the stream counts");
        let fate = batch.add(&click);
        assert!(matches!(fate, Fate::Applied { .. }), "a click counts while there is no watermark");
    }
    let parts = batch.into_parts();
    let latest = parts.latest.map(slice_of);
    for ((place, slice), state) in &parts.slices {
        assert!(Some(*slice) <= latest, "a slice is behind the latest click");
        let definition = &DEFINITIONS.windows[*place];
        let stored = state.encode(definition);
        let again = State::decode(definition, &stored).expect("what is stored is read");
        assert_eq!(again.encode(definition), stored);
        assert_eq!(again.rows(definition), state.rows(definition));
    }
}

/// The bytes of a state behind those that say what it is one of; the first byte chooses the definition.
/// What is read is a state, and is written as the same one.
pub fn state(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let definitions = &DEFINITIONS.windows;
    let definition = &definitions[usize::from(*choice) % definitions.len()];
    let mut stored = State::new(definition).encode(definition);
    stored.truncate(HEADER);
    stored.extend_from_slice(body);
    let Ok(state) = State::decode(definition, &stored) else { return };
    let again = state.encode(definition);
    let mut whole = State::new(definition);
    whole.merge(definition, &state);
    assert_eq!(whole.encode(definition), again, "a state merged with nothing is itself");
    let read = State::decode(definition, &again).expect("what is written is read");
    assert_eq!(read.rows(definition), state.rows(definition));
}

/// True when a file with this event alone passes.
fn is_valid(event: &[u8]) -> bool {
    let mut line: Vec<u8> =
        event.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect();
    line.push(b'\n');
    let zone = Zone::of(&SETTINGS).expect("the zone is one");
    let mut validator = Validator::new(Dataset::Clickstream).in_zone(zone);
    let mut split = Split::default();
    validator.feed(&line, &mut split);
    let summary = validator.finish(&mut split);
    summary.rows_good == 1 && summary.rows_in == 1
}
