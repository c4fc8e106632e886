//! `generate`: a synthetic shop, the same bytes for the same seed, at any scale.
//!
//! The [`Shop`] is a pure function of a run date and a [`GenerateSpec`]; it knows nothing of AWS
//! and holds no rows, so memory stays flat however large the scale is. Around it stand two ways
//! out: [`handle`] streams into the landing bucket, [`write_to_dir`] into a folder.
//!
//! ```
//! use shopflow_core::Dataset;
//! use shopflow_core::contract::GenerateSpec;
//! use shopflow_generate::Shop;
//!
//! let run_date = "2026-01-15".parse()?;
//! let shop = Shop::new(run_date, &GenerateSpec { scale: 0.01, ..GenerateSpec::default() })?;
//! let mut file = Vec::new();
//! let written = shop.write(Dataset::Products, &mut file)?;
//! assert_eq!(written.rows, 5);
//! assert!(file.starts_with(b"id,name,category,price,supplier\n1,"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod context;
mod directory;
mod handler;
pub mod live;
mod shop;
mod spec;

pub use context::Context;
pub use directory::{FileSummary, Summary, write_to_dir};
pub use handler::handle;
pub use shop::{Shop, Written};
pub use spec::{check, check_allowed};

use shopflow_core::Dataset;

pub use shopflow_core::contract::{GenerateSpec, Profile};

/// The datasets the sample shop has in the usual profile, in load order. Others come from whoever
/// uses the pipeline.
pub const DATASETS: [Dataset; 4] =
    [Dataset::Customers, Dataset::Products, Dataset::Transactions, Dataset::Clickstream];

/// Those of the full profile.
const FULL_DATASETS: [Dataset; 6] = {
    let [customers, products, transactions, clickstream] = DATASETS;
    [customers, products, transactions, clickstream, Dataset::ExchangeRates, Dataset::Payments]
};

/// The datasets the sample shop has in a profile, in load order.
pub fn datasets(profile: Profile) -> &'static [Dataset] {
    match profile {
        Profile::Usual => &DATASETS,
        Profile::Full => &FULL_DATASETS,
    }
}
