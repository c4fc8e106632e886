//! Reads the files of a view for a part of the spine, several at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use shopflow_core::Result;
use shopflow_models::parallel::pieces;

use super::best::{Best, Values};
use super::side::{Reader, Side, Wanted};
use super::spine::Part;
use super::sweep::Sweep;

/// The values of a view for the rows of the part.
pub(super) fn look_up(part: &Part, side: &Side<'_>) -> Result<Values> {
    let best = Mutex::new(Best::new(part, side));
    let has_failed = AtomicBool::new(false);
    let read = |number: usize| {
        if has_failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let done = look_up_in(part, side, number, &best);
        has_failed.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    };
    // What was known last is in the last files, as a rule: read first, it is not replaced later.
    let count = side.files.len();
    let done = pieces(count, 1, |piece| read(count - 1 - piece.start));
    done.into_iter().rev().collect::<Result<()>>()?;
    best.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

fn look_up_in(part: &Part, side: &Side<'_>, number: usize, best: &Mutex<Best<'_>>) -> Result<()> {
    let mut reader = Reader::open(side, number, &Wanted { keys: &part.keys })?;
    let mut sweep = Sweep::new(part);
    let take_in = |sweep: &mut Sweep<'_>| {
        let (answers, held, first) = sweep.answers();
        let mut best = best.lock().unwrap_or_else(PoisonError::into_inner);
        best.add(number as u32, answers, held, first)
    };
    while let Some(sorted) = reader.next()? {
        sweep.add(&sorted);
        take_in(&mut sweep)?;
        sweep.release();
        if sweep.is_done() {
            return Ok(());
        }
    }
    sweep.finish();
    take_in(&mut sweep)
}
