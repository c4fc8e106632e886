//! End-to-end tests: the real template on the emulator, with the release binaries and a real
//! Postgres. [`Cloud::fresh`] gives one test at a time an empty shop.

mod cloud;
mod files;
mod ledger;
mod stream;
mod texts;
mod variables;

pub use cloud::{Cloud, Execution};
pub use files::{customers, products, transactions};
pub use ledger::{Ledger, Line};
pub use stream::Shard;
pub use texts::Text;
pub use variables::Variables;
