//! Texts as numbers.

use crate::hash::Map;

/// Texts that come again and again, each with a code: 1 for the first, then 2, and so on. There are
/// few, as a rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// By code.
    texts: Vec<Box<str>>,
    /// Codes of the texts behind the first few.
    codes: Map<Box<str>, u32>,
}

/// Texts that are compared one by one.
const FEW: usize = 8;

impl Terms {
    /// The texts, by code.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    /// The text with this code; 0 stands for none.
    #[inline]
    pub fn text(&self, code: usize) -> Option<&str> {
        self.texts.get(code.checked_sub(1)?).map(|text| &**text)
    }

    /// The code of a text, which gets one if it is new.
    #[inline]
    pub fn code(&mut self, text: &str) -> u32 {
        match self.known(text) {
            Some(code) => code,
            None => self.new_code(text),
        }
    }

    /// The code of a text, if it has one.
    #[inline]
    pub fn known(&self, text: &str) -> Option<u32> {
        let few = &self.texts[..self.texts.len().min(FEW)];
        match few.iter().position(|known| **known == *text) {
            Some(place) => Some(place as u32 + 1),
            None if self.codes.is_empty() => None,
            None => self.codes.get(text).copied(),
        }
    }

    /// By the codes of others, the codes of the same texts here; texts that are new get codes.
    pub fn codes_of(&mut self, others: &Terms) -> Vec<u32> {
        std::iter::once(0).chain(others.texts().map(|text| self.code(text))).collect()
    }

    #[cold]
    fn new_code(&mut self, text: &str) -> u32 {
        self.texts.push(text.into());
        let code = self.texts.len() as u32;
        if self.texts.len() > FEW {
            self.codes.insert(text.into(), code);
        }
        code
    }
}
