//! What waits to be transformed: the queue, the marks, and the bronze rows of the queue's files.

pub mod order;
pub mod part;
pub mod pending;
pub mod rows;
pub mod treatment;
