//! What the function is given once, at its start.

use shopflow_core::Storage;
use shopflow_core::settings::Generate;
use shopflow_core::vocabulary::Vocabularies;

/// What the function keeps between invocations.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) landing: String,
    pub(crate) settings: Generate,
    pub(crate) vocabulary: Vocabularies,
}

impl Context {
    /// Generates into the bucket called `landing`, where the settings allow it, in the built-in
    /// words.
    pub fn new(storage: Storage, landing: &str, settings: Generate) -> Self {
        let vocabulary = Vocabularies::default();
        Context { storage, landing: landing.to_owned(), settings, vocabulary }
    }

    /// In the words of `sets`.
    pub fn speaking(mut self, sets: &Vocabularies) -> Self {
        self.vocabulary = sets.clone();
        self
    }
}
