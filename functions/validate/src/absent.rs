//! Words for nothing, such as `NULL`, where values are expected: what was read as a missing value,
//! and what was kept as a text.

use std::collections::BTreeMap;

/// How many words a warning lists one by one.
const NAMED: usize = 10;

/// The words of a file, by column.
#[derive(Debug, Default)]
pub(crate) struct Absent {
    /// Those of the row that is being judged.
    row: Vec<Met>,
    /// Good rows by word.
    rows: BTreeMap<Met, u64>,
}

/// A word in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Met {
    taken: Taken,
    column: &'static str,
    /// Empty for blanks.
    word: &'static str,
}

/// What a word was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    /// A missing value, which goes on as an empty one.
    Missing,
    /// The text that it is.
    Text,
    /// The code of a country.
    Country,
}

impl Absent {
    /// Notes a word in place of an optional value, or blanks if it is empty.
    #[cold]
    pub fn leave_out(&mut self, column: &'static str, word: &'static str) {
        self.row.push(Met { taken: Taken::Missing, column, word });
    }

    /// Notes a text that is a word for nothing and stays.
    #[cold]
    pub fn keep_text(&mut self, column: &'static str, word: &'static str) {
        self.row.push(Met { taken: Taken::Text, column, word });
    }

    /// Notes the code of a country that is a word for nothing elsewhere.
    #[cold]
    pub fn keep_country(&mut self, column: &'static str) {
        self.row.push(Met { taken: Taken::Country, column, word: "NA" });
    }

    /// True when the current row has something to leave out.
    pub fn is_leaving_out(&self) -> bool {
        self.row.iter().any(|met| met.taken == Taken::Missing)
    }

    /// Ends a row; true when it is good and has something to leave out.
    #[inline]
    pub fn end_row(&mut self, is_good: bool) -> bool {
        !self.row.is_empty() && self.count(is_good)
    }

    #[cold]
    fn count(&mut self, is_good: bool) -> bool {
        let is_due = is_good && self.is_leaving_out();
        for met in self.row.drain(..).filter(|_| is_good) {
            *self.rows.entry(met).or_default() += 1;
        }
        is_due
    }

    /// What the report says about it.
    pub fn warnings(&self) -> Vec<String> {
        let is_country = |met: &Met| met.taken == Taken::Country;
        // A shop may have customers in Namibia; only beside other words it is remarkable.
        let others = self.rows.keys().any(|met| !is_country(met) && !met.word.is_empty());
        let said = [
            (Taken::Missing, "were read as missing values"),
            (Taken::Text, "stand where a text is needed, and are kept as such"),
            (Taken::Country, "were read as the code of Namibia"),
        ];
        let said = said.into_iter().filter(|(taken, _)| *taken != Taken::Country || others);
        said.filter_map(|(taken, said)| {
            let list = self.list(taken)?;
            Some(format!("words for nothing {said}: {list}"))
        })
        .collect()
    }

    fn list(&self, taken: Taken) -> Option<String> {
        let met: Vec<_> = self.rows.iter().filter(|(met, _)| met.taken == taken).collect();
        let named = met.iter().take(NAMED).map(|(Met { column, word, .. }, rows)| match *word {
            "" => format!("{column} blanks ({rows} rows)"),
            word => format!("{column} '{word}' ({rows} rows)"),
        });
        let mut named: Vec<String> = named.collect();
        if met.len() > NAMED {
            named.push(format!("and {} more", met.len() - NAMED));
        }
        (!named.is_empty()).then(|| named.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_good_rows_are_counted_by_column_and_what_they_were_taken_for() {
        let mut absent = Absent::default();
        absent.leave_out("discount", "NULL");
        absent.keep_text("name", "None");
        assert!(absent.end_row(true));
        absent.leave_out("discount", "");
        assert!(!absent.end_row(false));
        absent.keep_text("name", "None");
        assert!(!absent.end_row(true));
        assert!(!absent.end_row(true));
        assert_eq!(
            absent.warnings(),
            [
                "words for nothing were read as missing values: discount 'NULL' (1 rows)",
                "words for nothing stand where a text is needed, and are kept as such: \
                 name 'None' (2 rows)",
            ]
        );
    }

    #[test]
    fn namibia_is_told_where_other_words_for_nothing_are() {
        let mut absent = Absent::default();
        absent.keep_country("country");
        assert!(!absent.end_row(true));
        assert!(absent.warnings().is_empty());
        absent.leave_out("discount", "NA");
        absent.end_row(true);
        let warnings = absent.warnings();
        assert!(warnings[1].contains("Namibia: country 'NA' (1 rows)"), "{warnings:?}");
    }
}
