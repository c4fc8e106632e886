//! Leaves the columns that a dataset does not know out of good rows, and counts what was in them
//! (schema contract `discard_value`). The other fields stay as they came, byte for byte.

use std::collections::BTreeMap;

use super::record::{self, Cut, Field};
use crate::personal;

/// Rewrites rows under one header.
#[derive(Debug)]
pub(super) struct Discard {
    names: Vec<String>,
    known: Vec<bool>,
    /// Values left out, by position.
    values: Vec<u64>,
    fields: Vec<Field>,
}

impl Discard {
    /// Keeps the columns that are `known`.
    pub fn new(names: Vec<String>, known: Vec<bool>) -> Self {
        let values = vec![0; known.len()];
        Discard { names, known, values, fields: Vec::new() }
    }

    /// Appends the header with the columns that stay.
    pub fn header(&mut self, line: &[u8], out: &mut Vec<u8>) {
        self.record(line, false, out);
    }

    /// Appends good rows with the columns that stay.
    pub fn rows(&mut self, rows: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        while at < rows.len() {
            at += self.record(&rows[at..], true, out).max(1);
        }
    }

    /// How many values were left out, by column.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        self.names
            .iter()
            .zip(&self.values)
            .filter(|(_, values)| **values > 0)
            .for_each(|(name, values)| personal::add(&mut counts, name, *values));
        counts
    }

    /// Handles the record at the start of `bytes`; its length.
    fn record(&mut self, bytes: &[u8], count: bool, out: &mut Vec<u8>) -> usize {
        let Cut::Record { content, total } = record::cut(bytes, true, &mut self.fields) else {
            // Good rows are records; were one not, it would better be kept than lost.
            out.extend_from_slice(bytes);
            return bytes.len();
        };
        let mut first = true;
        for (position, field) in self.fields.iter().enumerate() {
            if !self.known.get(position).copied().unwrap_or(true) {
                let has_value = count && !field.range.is_empty();
                self.values[position] += u64::from(has_value);
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(&bytes[field.whole()]);
        }
        out.extend_from_slice(&bytes[content..total]);
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_stay_as_they_came_and_the_values_of_others_are_counted() {
        let names = ["a", "x", "b", "y"].map(str::to_owned).to_vec();
        let mut discard = Discard::new(names, vec![true, false, true, false]);
        let mut out = Vec::new();
        discard.header(b"a,x,b,y\r\n", &mut out);
        discard.rows(b"1,2,\"3,\"\"\",\r\n4,\"5\n,\",6,7\n", &mut out);
        assert_eq!(out, b"a,b\r\n1,\"3,\"\"\"\r\n4,6\n");
        let counts = discard.counts();
        assert_eq!((counts["x"], counts["y"]), (2, 1));
    }
}
