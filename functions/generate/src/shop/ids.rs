//! Identities of events.

use super::rng::Stream;
use super::text::uuid;

/// The identity of the event on a line, counted from 0.
pub fn event_id(stream: Stream, line: u64) -> [u8; 36] {
    let mut draws = stream.at(line);
    uuid(draws.bits(), draws.bits())
}
