//! Where rows come from: each source feeds a [`State`](crate::State) batch by batch.

pub mod csv;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "postgres")]
pub mod postgres;
