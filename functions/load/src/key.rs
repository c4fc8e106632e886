//! What identifies a transaction and what it refers to.

/// What the comparison with the stored rows needs of a transaction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Key {
    pub id: i64,
    pub hash: i64,
    /// UTC day of the event, in days since 2000-01-01.
    pub day: i32,
    pub customer: i64,
    pub product: i64,
}
