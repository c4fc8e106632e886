//! What an aggregate must be able to do.

/// What is in the window, as far as an aggregate needs it.
pub(in crate::aggregate) trait Fold {
    fn enter(&mut self, slot: usize);

    fn leave(&mut self, slot: usize);

    /// Keeps what cannot be taken back by its opposite.
    fn remember(&mut self) {}

    /// Back to what was kept: everything since has been taken back.
    fn recall(&mut self) {}

    /// The value, as bits of the feature's type; `None`: null. `slots` are those that can be in the window.
    fn value(&mut self, slots: (usize, usize)) -> Option<i64>;
}
