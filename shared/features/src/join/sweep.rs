//! Goes once over the sorted rows of a file beside the sorted rows that ask.
//!
//! For a row that asks about the moment T, the rows of its key up to T are candidates, and of those
//! known in time the last one in the file's order is the answer. A row that is known no later than
//! an earlier one makes the earlier one useless for good. What is left is in the order of both
//! timestamps, so the answer is the last one, or found by halving.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Range;

use arrow::array::ArrayRef;

use super::gallop::gallop;
use super::side::Sorted;
use super::spine::Part;
use crate::Micros;

/// The row of a view that a file has for a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub place: u32,
    pub row: Candidate,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub event: Micros,
    pub created: Micros,
    /// Number of the batch in the file.
    pub batch: u32,
    /// Row of that batch.
    pub row: u32,
}

pub(super) struct Sweep<'p> {
    part: &'p Part,
    /// The key that comes next, or is open: its rows may go on.
    key: usize,
    is_open: bool,
    /// Places of the open key that are not answered yet.
    asking: Range<usize>,
    /// Rows of the open key that may still be answers, by both timestamps.
    candidates: Vec<Candidate>,
    /// Features of the batches that answers and candidates are from.
    held: VecDeque<Vec<ArrayRef>>,
    /// Number of the first of them.
    first_held: usize,
    answers: Vec<Answer>,
}

impl<'p> Sweep<'p> {
    pub fn new(part: &'p Part) -> Sweep<'p> {
        Sweep {
            part,
            key: 0,
            is_open: false,
            asking: 0..0,
            candidates: Vec::new(),
            held: VecDeque::new(),
            first_held: 0,
            answers: Vec::new(),
        }
    }

    /// Takes in the next batch.
    pub fn add(&mut self, sorted: &Sorted) {
        let batch = self.first_held + self.held.len();
        self.held.push_back(sorted.features.clone());
        let part = self.part;
        let (runs, keys) = (sorted.starts.len() - 1, part.keys.len());
        let start = |run: usize| sorted.starts[run] as usize;
        let mut run = 0;
        while run < runs && self.key < keys {
            match sorted.keys.compare(start(run), &part.keys, self.key) {
                Ordering::Less => {
                    run = gallop(run + 1, runs, |run| {
                        sorted.keys.compare(start(run), &part.keys, self.key).is_lt()
                    });
                }
                Ordering::Equal => {
                    self.meet(sorted, batch, start(run)..start(run + 1));
                    run += 1;
                }
                Ordering::Greater => {
                    self.close();
                    let row = start(run);
                    self.key = gallop(self.key, keys, |key| {
                        sorted.keys.compare(row, &part.keys, key).is_gt()
                    });
                }
            }
        }
    }

    /// Whether no later row of the file can be asked for.
    pub fn is_done(&self) -> bool {
        self.key >= self.part.keys.len()
    }

    /// Ends the file.
    pub fn finish(&mut self) {
        self.close();
    }

    /// Answers that were found since the last time, the batches they are from, and the number of the
    /// first of these.
    pub fn answers(&mut self) -> (&[Answer], &mut VecDeque<Vec<ArrayRef>>, usize) {
        (&self.answers, &mut self.held, self.first_held)
    }

    /// Lets go of the answers, and of batches that no candidate is from.
    pub fn release(&mut self) {
        self.answers.clear();
        let end = self.first_held + self.held.len();
        let first = self.candidates.first().map_or(end, |candidate| candidate.batch as usize);
        self.held.drain(..first - self.first_held);
        self.first_held = first;
    }

    /// Rows of the key.
    fn meet(&mut self, sorted: &Sorted, batch: usize, rows: Range<usize>) {
        if !self.is_open {
            self.is_open = true;
            let starts = &self.part.starts;
            self.asking = starts[self.key] as usize..starts[self.key + 1] as usize;
        }
        let moments = &self.part.moments[..self.asking.end];
        let first = rows.start;
        let rows = sorted.events[rows.clone()].iter().zip(&sorted.created[rows]);
        for (row, (event, created)) in rows.enumerate() {
            // Nothing about a later moment follows for these.
            while moments.get(self.asking.start).is_some_and(|moment| moment < event) {
                self.answer();
            }
            if self.asking.is_empty() {
                self.candidates.clear();
                return;
            }
            while self.candidates.last().is_some_and(|last| last.created >= *created) {
                self.candidates.pop();
            }
            let (event, created, row) = (*event, *created, (first + row) as u32);
            self.candidates.push(Candidate { event, created, batch: batch as u32, row });
        }
    }

    /// Answers the next place from what is known of its key by its moment.
    #[inline]
    fn answer(&mut self) {
        let place = self.asking.start;
        self.asking.start += 1;
        let known = self.part.known()[place];
        let row = match self.candidates.last() {
            Some(last) if last.created <= known => Some(last),
            _ => {
                let count = self.candidates.partition_point(|row| row.created <= known);
                self.candidates[..count].last()
            }
        };
        if let Some(row) = row {
            self.answers.push(Answer { place: place as u32, row: *row });
        }
    }

    /// Ends the open key.
    fn close(&mut self) {
        if self.is_open {
            while !self.asking.is_empty() {
                self.answer();
            }
            self.candidates.clear();
            self.is_open = false;
            self.key += 1;
        }
    }
}
