//! States as bytes, for the rows of `stream.slices`.
//!
//! A byte with the version of the format, eight that stand for the version of the definition, the
//! number of rows, then each row: the values of its key and its accumulators, sorted by key. At the
//! end a byte that says whether there are other keys, and their accumulators. Equal states are equal
//! bytes.

use shopflow_core::Result;
use shopflow_core::vocabulary::LONGEST_TERM;

use super::State;
use super::key::KeyValues;
use super::order::sorted;
use crate::accumulator::Accumulator;
use crate::definition::{Definition, KeyColumn};
use crate::hash;
use crate::wire::{Input, broken, put_number, put_text};

/// The version of the format.
const FORMAT: u8 = 1;

impl State {
    /// The state as bytes.
    pub fn encode(&self, definition: &Definition) -> Vec<u8> {
        if self.is_over_full(definition) {
            let mut pruned = self.clone();
            pruned.prune(definition);
            return pruned.encode(definition);
        }
        let width = definition.aggregates.len();
        let mut out = vec![FORMAT];
        out.extend_from_slice(&mark(definition));
        put_number(self.keys.len() as u64, &mut out);
        for placed in sorted(definition, &[self.keyed()]) {
            let place = placed.row as usize;
            put_key(&definition.key, &self.terms.values(self.keys[place]), &mut out);
            let row = &self.accumulators[place * width..(place + 1) * width];
            row.iter().for_each(|accumulator| accumulator.encode(&mut out));
        }
        out.push(u8::from(!self.other.is_empty()));
        self.other.iter().for_each(|accumulator| accumulator.encode(&mut out));
        out
    }

    /// The state that these bytes are.
    ///
    /// # Errors
    /// `Internal` when they are none of this definition and its version.
    pub fn decode(definition: &Definition, bytes: &[u8]) -> Result<State> {
        let mut input = Input::new(bytes);
        if input.byte()? != FORMAT {
            return Err(broken("it has another format"));
        }
        if input.array::<8>()? != mark(definition) {
            return Err(broken("it is one of another definition"));
        }
        let most = if definition.key.is_empty() { 1 } else { definition.max_keys.max(1) };
        let mut state = State::default();
        for _ in 0..input.number_to(most)? {
            let values = key(&definition.key, &mut input)?;
            let key = state.terms.key(values);
            if state.places.contains_key(&key) {
                return Err(broken("it has a key twice"));
            }
            let row = row(definition, &mut input)?;
            state.push(key, row.into_iter());
        }
        match input.byte()? {
            0 => {}
            1 => {
                state.other = row(definition, &mut input)?;
                state.limit = state.priorities().max();
            }
            _ => return Err(broken("it does not say whether there are other keys")),
        }
        if !input.is_empty() {
            return Err(broken("something stands behind it"));
        }
        Ok(state)
    }
}

/// What tells the states of one version of a definition from others.
fn mark(definition: &Definition) -> [u8; 8] {
    hash::text(&definition.version).to_le_bytes()
}

fn put_key(columns: &[KeyColumn], values: &KeyValues<'_>, out: &mut Vec<u8>) {
    for column in columns {
        match column {
            KeyColumn::ProductId => put_number(values.product_id.unwrap_or(0), out),
            KeyColumn::EventType => put_text(values.event_type.unwrap_or_default(), out),
            KeyColumn::Device => put_text(values.device.unwrap_or_default(), out),
            KeyColumn::Country => out.extend_from_slice(&values.country.unwrap_or_default()),
        }
    }
}

fn key<'a>(columns: &[KeyColumn], input: &mut Input<'a>) -> Result<KeyValues<'a>> {
    let mut values: KeyValues<'a> = KeyValues::NONE;
    for column in columns {
        match column {
            KeyColumn::ProductId => {
                values.product_id = Some(input.number()?).filter(|product| *product > 0);
            }
            KeyColumn::EventType => values.event_type = Some(input.text(LONGEST_TERM)?),
            KeyColumn::Device => values.device = Some(input.text(LONGEST_TERM)?),
            KeyColumn::Country => values.country = Some(input.array()?),
        }
    }
    Ok(values)
}

fn row(definition: &Definition, input: &mut Input<'_>) -> Result<Vec<Accumulator>> {
    let kinds = definition.aggregates.iter().map(|aggregate| aggregate.kind);
    kinds.map(|kind| Accumulator::decode(kind, input)).collect()
}
