//! Values of closed sets: which are known, and what others meet by the contract of their set.

use std::collections::BTreeMap;

use shopflow_core::dataset::{Column, Kind};
use shopflow_core::schema_contract::Mode;
use shopflow_core::vocabulary::{Vocabularies, is_term};
use shopflow_privacy::is_clearly_personal;

use crate::notes::Notes;
use crate::rules::Rule;
use crate::values;

/// New values of a file that are accepted; a set that grows by more is none.
pub const MOST_NEW_VALUES: usize = 1000;

/// Rows by new value, by column.
pub type NewValues = BTreeMap<String, BTreeMap<String, u64>>;

/// The sets, and the new values of the good rows so far.
#[derive(Debug, Default)]
pub(crate) struct Words {
    sets: Vocabularies,
    new: BTreeMap<(&'static str, Vec<u8>), u64>,
    /// New values of the row that is being judged.
    pending: Vec<(&'static str, Vec<u8>)>,
}

impl Words {
    pub fn new(sets: &Vocabularies) -> Self {
        Words { sets: sets.clone(), ..Words::default() }
    }

    /// The sets as they are configured.
    pub fn sets(&self) -> &Vocabularies {
        &self.sets
    }

    /// [`values::check`], but a value that is new to a set which evolves is good.
    #[inline]
    pub fn check(&mut self, column: &Column, value: &[u8], notes: &mut Notes) -> Result<u64, Rule> {
        match values::check(column, value, &self.sets, notes) {
            Err(Rule::NotInSet) => self.meet(column, value),
            outcome => outcome,
        }
    }

    /// Forgets the new values of a row that was not kept.
    #[inline]
    pub fn begin_row(&mut self) {
        self.pending.clear();
    }

    /// Counts the new values of a good row.
    #[inline]
    pub fn keep_row(&mut self) {
        if !self.pending.is_empty() {
            self.count();
        }
    }

    #[cold]
    fn count(&mut self) {
        for word in self.pending.drain(..) {
            *self.new.entry(word).or_default() += 1;
        }
    }

    #[cold]
    fn meet(&mut self, column: &Column, value: &[u8]) -> Result<u64, Rule> {
        if contract(column, &self.sets) != Some(Mode::Evolve) {
            return Err(Rule::NotInSet);
        }
        let word = (column.name, value.to_vec());
        if !self.new.contains_key(&word) && !self.may_be_added(value) {
            return Err(Rule::NotInSet);
        }
        self.pending.push(word);
        Ok(0)
    }

    /// A value that tells of a person comes from columns that are mixed up.
    fn may_be_added(&self, value: &[u8]) -> bool {
        self.new.len() < MOST_NEW_VALUES && is_term(value) && !is_clearly_personal(value)
    }

    /// Columns whose set is frozen.
    pub fn is_frozen(&self, name: &str, columns: &[Column]) -> bool {
        let column = columns.iter().find(|column| column.name == name);
        column.and_then(|column| contract(column, &self.sets)) == Some(Mode::Freeze)
    }

    /// The new values of the good rows.
    pub fn into_new(self) -> NewValues {
        let mut new = NewValues::new();
        for ((column, value), rows) in self.new {
            let value = String::from_utf8_lossy(&value).into_owned();
            new.entry(column.to_owned()).or_default().insert(value, rows);
        }
        new
    }

    /// The new values of the good rows as a warning.
    pub fn warning(&self) -> Option<String> {
        const NAMED: usize = 10;
        let named = self.new.iter().take(NAMED).map(|((column, value), rows)| {
            format!("{column} '{}' ({rows} rows)", String::from_utf8_lossy(value))
        });
        let mut named: Vec<String> = named.collect();
        match self.new.len() {
            0 => return None,
            all if all > NAMED => named.push(format!("and {} more", all - NAMED)),
            _ => {}
        }
        Some(format!("values are new to the vocabulary and accepted: {}", named.join(", ")))
    }
}

fn contract(column: &Column, sets: &Vocabularies) -> Option<Mode> {
    match column.kind {
        Kind::OneOf(set) => Some(sets.contract(set)),
        _ => None,
    }
}
