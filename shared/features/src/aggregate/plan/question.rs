//! All conditions on a column, asked at once.

use super::Condition;

/// Keys below this have a list of their own: texts, which are numbered, flags, small numbers.
const FEW: i64 = 1 << 10;

/// Which conditions a value meets.
#[derive(Debug, Clone)]
pub(in crate::aggregate) struct Question {
    pub(in crate::aggregate) column: usize,
    /// By key.
    lists: Vec<Vec<usize>>,
    /// Other keys, sorted.
    others: Vec<(i64, Vec<usize>)>,
    null: Vec<usize>,
}

impl Question {
    /// Those of all columns.
    pub(super) fn all(conditions: &[Condition]) -> Vec<Question> {
        let mut questions: Vec<Question> = Vec::new();
        for (place, condition) in conditions.iter().enumerate() {
            let column = condition.column;
            let found = questions.iter().position(|question| question.column == column);
            let question = found.unwrap_or_else(|| {
                let (lists, others, null) = (Vec::new(), Vec::new(), Vec::new());
                questions.push(Question { column, lists, others, null });
                questions.len() - 1
            });
            questions[question].add(place, condition);
        }
        questions
    }

    fn add(&mut self, place: usize, condition: &Condition) {
        for key in &condition.keys {
            self.list(*key).push(place);
        }
        if condition.or_null {
            self.null.push(place);
        }
    }

    fn list(&mut self, key: i64) -> &mut Vec<usize> {
        if let Ok(place) = usize::try_from(key)
            && key < FEW
        {
            self.lists.resize_with(self.lists.len().max(place + 1), Vec::new);
            return &mut self.lists[place];
        }
        let place = self.others.binary_search_by_key(&key, |(key, _)| *key);
        let place = place.unwrap_or_else(|place| {
            self.others.insert(place, (key, Vec::new()));
            place
        });
        &mut self.others[place].1
    }

    /// The conditions that a key meets, or a null.
    #[inline]
    pub(in crate::aggregate) fn met_by(&self, key: Option<i64>) -> &[usize] {
        let Some(key) = key else { return &self.null };
        let list = usize::try_from(key).ok().and_then(|place| self.lists.get(place));
        if let Some(list) = list {
            return list;
        }
        let place = self.others.binary_search_by_key(&key, |(key, _)| *key);
        place.map_or(&[], |place| &self.others[place].1)
    }
}
