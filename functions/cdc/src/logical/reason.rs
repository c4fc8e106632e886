//! Why a change log cannot simply go on, and begins again with a snapshot.

use crate::checkpoint::Checkpoint;
use crate::slot::Slot;

/// Why the log cannot go on from `checkpoint`, if it cannot, as results and metrics name it.
pub fn reason(
    checkpoint: &Checkpoint,
    slot: Option<&Slot>,
    log_end: u64,
    tables: &[String],
    wanted: bool,
) -> Option<&'static str> {
    let Some(position) = checkpoint.position else { return Some("first_run") };
    let Some(slot) = slot else { return Some("slot_missing") };
    if slot.is_lost {
        return Some("slot_lost");
    }
    if slot.confirmed > position {
        return Some("slot_ahead");
    }
    // The database was restored to an earlier moment.
    if position > log_end {
        return Some("checkpoint_ahead");
    }
    if tables.iter().any(|table| !checkpoint.tables.contains(table)) {
        return Some("tables_added");
    }
    wanted.then_some("requested")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(position: Option<u64>) -> Checkpoint {
        Checkpoint {
            source: "logical:s".to_owned(),
            version: 1,
            tables: vec!["a".to_owned()],
            position,
            snapshot: None,
            snapshot_lsn: None,
            watermark: None,
            scan_from: None,
            claim: None,
            last_commit_at: None,
        }
    }

    #[test]
    fn a_log_that_cannot_go_on_says_why() {
        let slot = |confirmed| Slot { confirmed, is_lost: false };
        let a = ["a".to_owned()];
        let ab = ["a".to_owned(), "b".to_owned()];
        let at = |position| checkpoint(Some(position));
        assert_eq!(reason(&checkpoint(None), None, 9, &a, false), Some("first_run"));
        assert_eq!(reason(&checkpoint(None), Some(&slot(3)), 9, &a, false), Some("first_run"));
        assert_eq!(reason(&at(5), None, 9, &a, false), Some("slot_missing"));
        let lost = Slot { confirmed: 5, is_lost: true };
        assert_eq!(reason(&at(5), Some(&lost), 9, &a, false), Some("slot_lost"));
        assert_eq!(reason(&at(5), Some(&slot(6)), 9, &a, false), Some("slot_ahead"));
        assert_eq!(reason(&at(5), Some(&slot(3)), 4, &a, false), Some("checkpoint_ahead"));
        assert_eq!(reason(&at(5), Some(&slot(5)), 9, &ab, false), Some("tables_added"));
        assert_eq!(reason(&at(5), Some(&slot(5)), 9, &a, true), Some("requested"));
        // The usual crash: the checkpoint moved, the slot did not.
        assert_eq!(reason(&at(5), Some(&slot(3)), 9, &a, false), None);
    }
}
