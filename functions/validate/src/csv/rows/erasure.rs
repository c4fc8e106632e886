//! Rows of customers who were erased on request, good and refused.

use super::plain::PlainRow;
use super::{Failure, Rows};
use crate::csv::erased;
use crate::tally::{Split, Tally};

impl Rows {
    /// The good row of an erased customer without values; nothing when there is nothing to leave out.
    #[cold]
    pub(super) fn erased(
        &self,
        customer: u64,
        row: &[u8],
        value: impl FnMut(usize) -> Vec<u8>,
    ) -> Option<Vec<u8>> {
        let end = [self.keying.erased_row_end(), self.line_break].concat();
        let erased = erased::good(&self.columns, customer, value, &end);
        (erased != row).then_some(erased)
    }

    #[cold]
    pub(super) fn refuse_plain(
        &self,
        failure: Failure,
        row: &PlainRow<'_>,
        tally: &mut Tally,
        split: &mut Split,
    ) {
        let (bytes, all) = (row.bytes, &row.bytes[row.start..row.content]);
        let value = |position| bytes[row.field(position)].to_vec();
        if let Some(erased) = self.refused(all, value, tally) {
            self.refuse(failure, b"", &erased, tally, split);
            return;
        }
        let value = failure.position.map_or(0..0, |position| row.field(position));
        self.refuse(failure, &bytes[value], all, tally, split);
    }

    /// The refused row of an erased customer without values.
    pub(super) fn refused(
        &self,
        row: &[u8],
        value: impl Fn(usize) -> Vec<u8>,
        tally: &mut Tally,
    ) -> Option<Vec<u8>> {
        if tally.erased.is_empty() {
            return None;
        }
        let keys = tally.notes.keys;
        let id = self.keying.id_at().map(&value).unwrap_or_default();
        let customer = erased::customer_in(&id, &keys, &tally.erased)?;
        let erased = erased::refused(&self.columns, customer, value, tally.words.sets(), keys);
        tally.rows_kept_erased += u64::from(erased != row);
        Some(erased)
    }
}
