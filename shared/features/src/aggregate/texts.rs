//! Texts as numbers: a batch of entities has few different ones.

use std::collections::HashMap;
use std::sync::Arc;

/// Beyond so many different texts the memory is given back between entities.
const MANY: usize = 1 << 16;

/// Texts by number. The first ones are those that filters ask for, and keep their numbers.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    numbers: HashMap<Arc<str>, i64, foldhash::fast::RandomState>,
    texts: Vec<Arc<str>>,
    fixed: usize,
}

impl Texts {
    pub(super) fn new(fixed: &[String]) -> Self {
        let mut texts = Texts { numbers: HashMap::default(), texts: Vec::new(), fixed: 0 };
        for text in fixed {
            texts.number(text);
        }
        texts.fixed = texts.texts.len();
        texts
    }

    /// The number of a text.
    pub(super) fn number(&mut self, text: &str) -> i64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = Arc::from(text);
        let number = i64::try_from(self.texts.len()).unwrap_or(i64::MAX);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The text of a number that came from here.
    pub(super) fn get(&self, number: i64) -> &str {
        let place = usize::try_from(number).ok();
        place.and_then(|place| self.texts.get(place)).map_or("", |text| text)
    }

    /// Forgets the numbers, if there are many: nothing may hold one any more.
    pub(super) fn forget_if_many(&mut self) {
        if self.texts.len() > MANY.max(2 * self.fixed) {
            let fixed = self.fixed;
            self.texts.truncate(fixed);
            self.numbers.clear();
            for (number, text) in (0..).zip(&self.texts) {
                self.numbers.insert(Arc::clone(text), number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_filters_keep_their_numbers() {
        let mut texts = Texts::new(&[String::from("books"), String::from("toys")]);
        let many = i64::try_from(MANY).unwrap();
        for number in 0..=many {
            texts.number(&number.to_string());
        }
        texts.forget_if_many();
        assert_eq!((texts.number("toys"), texts.number("books")), (1, 0));
        assert_eq!((texts.number("garden"), texts.get(2)), (2, "garden"));
    }
}
