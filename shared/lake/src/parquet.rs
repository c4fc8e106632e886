//! Writing Parquet the same way everywhere.
