//! Messages of logical decoding, and the rows of the change log that they become.
//!
//! An input is read as one message, and as several, each behind a byte with its length.

use serde_json::{Map, Value};
use shopflow_cdc::change::{self, Change};
use shopflow_cdc::decode::{Decoder, Event};
use shopflow_cdc::pgoutput;

/// A message alone, and a stream of them.
pub fn pgoutput(data: &[u8]) {
    one(data);
    stream(data);
}

/// What is a message is none without its end, nor with more behind it.
fn one(message: &[u8]) {
    if pgoutput::decode(message).is_err() {
        return;
    }
    let longer = [message, &[0]].concat();
    assert!(pgoutput::decode(&longer).is_err());
    for length in [0, message.len() / 2, message.len() - 1] {
        assert!(pgoutput::decode(&message[..length]).is_err(), "{length}");
    }
}

/// Takes messages up to the first that is refused, as the capture does.
fn stream(data: &[u8]) {
    let mut decoder = Decoder::new(0, None);
    let mut rest = data;
    let mut lsn = 0;
    let mut last = None;
    while let Some((length, behind)) = rest.split_first() {
        let Some((message, behind)) = behind.split_at_checked(usize::from(*length)) else { return };
        rest = behind;
        lsn += 1;
        let Ok(event) = decoder.take(lsn, message) else { return };
        let changes = match event {
            Event::None => Vec::new(),
            Event::Change(change) => vec![change],
            Event::Changes(changes) => changes,
            Event::Committed { .. } => {
                assert!(decoder.is_idle());
                last = None;
                Vec::new()
            }
        };
        for change in changes {
            // Within a transaction, places count on.
            assert!(last < Some(change.place.seq));
            last = Some(change.place.seq);
            rows(&change, message);
        }
    }
}

/// The rows before and after the change are JSON, with a field for each value that is known.
fn rows(change: &Change<'_>, message: &[u8]) {
    for image in [&change.before, &change.after].into_iter().flatten() {
        let (mut json, mut unchanged) = (String::new(), Vec::new());
        change::write_json(&mut json, &mut unchanged, &change.relation, image);
        let fields: Map<String, Value> = serde_json::from_str(&json).expect("the row is JSON");
        let columns = &change.relation.columns;
        assert!(fields.len() + unchanged.len() <= columns.len());
        let names: usize = columns.iter().map(|column| column.name.len() + 16).sum();
        // A control character is six bytes in JSON.
        assert!(json.len() <= 6 * (message.len() + names) + 2, "{json}");
    }
}
