//! Whether the good rows of a file are the file itself.

use crate::rules::RECORD_LIMIT;

/// More than this is held back only by a file whose rows do not come out as they are.
const MOST_AHEAD: usize = 2 * RECORD_LIMIT;

/// Compares what comes out of the engine with what went in, as both go on.
#[derive(Debug, Default)]
pub(crate) struct Likeness {
    differs: bool,
    /// What went in and has not come out yet: the beginning of a record.
    ahead: Vec<u8>,
}

impl Likeness {
    /// Takes a chunk that went in, and the good rows that came out of it.
    pub fn compare(&mut self, chunk: &[u8], passed: &[u8]) {
        if self.differs {
            return;
        }
        let (held, direct) = passed.split_at(passed.len().min(self.ahead.len()));
        let same = self.ahead.starts_with(held) && chunk.starts_with(direct);
        if same && self.ahead.len() - held.len() <= MOST_AHEAD {
            self.ahead.drain(..held.len());
            self.ahead.extend_from_slice(&chunk[direct.len()..]);
        } else {
            *self = Likeness { differs: true, ahead: Vec::new() };
        }
    }

    /// So far what came out is the beginning of what went in.
    pub fn holds(&self) -> bool {
        !self.differs
    }

    /// All that went in came out.
    pub fn is_complete(&self) -> bool {
        self.holds() && self.ahead.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: &[(&str, &str)]) -> (bool, bool) {
        let mut likeness = Likeness::default();
        for (chunk, passed) in steps {
            likeness.compare(chunk.as_bytes(), passed.as_bytes());
        }
        (likeness.holds(), likeness.is_complete())
    }

    #[test]
    fn rows_that_come_out_as_they_went_in_are_the_file_wherever_it_is_cut() {
        assert_eq!(after(&[("id\n1\n", "id\n1\n")]), (true, true));
        assert_eq!(after(&[("id\n1", ""), ("\n2", "id\n1\n"), ("", "2")]), (true, true));
        assert_eq!(after(&[("id\n1", "id\n")]), (true, false));
    }

    #[test]
    fn a_row_that_is_left_out_changed_or_added_makes_a_difference() {
        assert_eq!(after(&[("id\n1\n2\n", "id\n2\n")]), (false, false));
        assert_eq!(after(&[("id\n1", "id\n"), ("", "2")]), (false, false));
        assert_eq!(after(&[("id\n1", "id\n1\n")]), (false, false));
        assert_eq!(after(&[("id\n1\n", "id\n1\n"), ("", "x"), ("x", "")]), (false, false));
    }

    #[test]
    fn little_is_held_back() {
        let mut likeness = Likeness::default();
        for _ in 0..5 {
            likeness.compare(&vec![b'\n'; RECORD_LIMIT], b"");
        }
        assert!(!likeness.holds() && likeness.ahead.is_empty());
    }
}
