//! The lake: tables made of Parquet files, listed by a manifest that is replaced atomically.
//!
//! Readers trust [`TableManifest`], never a listing. A writer reads the manifest with its ETag,
//! writes new files under new names, then replaces the manifest on the condition that the ETag
//! still holds; whoever loses the race starts again. Replaced files are deleted afterwards.

pub mod days;
pub mod parquet;
pub mod schema;
pub mod silver;
pub mod table;

pub use days::{DayRange, Layout};
pub use silver::Silver;
pub use table::{COMMIT_ATTEMPTS, FileEntry, Table, TableManifest};
