//! What identifies an event and what it refers to.

use shopflow_core::dataset::MOST_REFERENCES;

/// What the comparison with the stored rows needs of an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Key {
    pub id: i64,
    pub hash: i64,
    /// UTC day of the event, in days since 2000-01-01.
    pub day: i32,
    /// What it refers to, in the order of the columns; 0 where there is nothing.
    pub references: [i64; MOST_REFERENCES],
}
