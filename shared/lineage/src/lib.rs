//! Where every column comes from: from the raw file through the lake and Postgres to gold.
//!
//! [`graph`] is the lineage of the whole product, read from `columns.json` in this crate. Nobody
//! types that file: the test `lineage` of `functions/transform` derives it from the definitions of
//! the datasets, the migrated database and the SQL that moves the data, and fails when the file is
//! stale (`SHOPFLOW_UPDATE_GOLDEN=1 cargo shopflow test -p shopflow-transform --filter lineage`
//! writes it again).
//!
//! # Shape
//! A [`Graph`] has [`Dataset`]s in the order of the flow: what is read stands before what is
//! written from it. Their names are `<layer>.<table>`, with the layers in [`Layer::ALL`]:
//!
//! | layer | what | example |
//! |---|---|---|
//! | `raw` | columns of the files that land in `incoming/` (and of their copies) | `raw.customers` |
//! | `bronze`, `silver`, `gold` | Parquet tables of the lake | `gold.daily_sales` |
//! | `core`, `warehouse` | tables and views of Postgres | `warehouse.dim_customer` |
//!
//! A dataset has `columns`, and each [`Column`] the [`Source`]s it is computed `from`: a column of
//! another dataset, and how ([`Transformation`], in the terms of OpenLineage). `rows` are the
//! columns that decide which rows there are (joins, filters, groups, order), so they concern every
//! column of the dataset. Only the step right before is named; [`Graph::upstream`] and
//! [`Graph::downstream`] walk the whole way, [`Graph::edges`] lists dataset to dataset.
//!
//! ```
//! let graph = shopflow_lineage::graph()?;
//! let revenue = graph.dataset("gold.daily_sales").and_then(|table| table.column("revenue"));
//! assert!(revenue.is_some_and(|column| column.from[0].column == "gold.fact_sales.amount"));
//! # Ok::<(), shopflow_core::Error>(())
//! ```

mod graph;
mod walk;

pub use graph::{Column, Dataset, Graph, Layer, Source, Transformation, dataset_of};
pub use walk::Step;

use shopflow_core::{ErrorKind, Result, ResultExt};

const COLUMNS: &str = include_str!("columns.json");

/// The lineage of everything this release computes.
///
/// # Errors
/// `Internal` when the embedded file is broken, which a test excludes.
pub fn graph() -> Result<Graph> {
    serde_json::from_str(COLUMNS).or_error(ErrorKind::Internal, "embedded lineage cannot be read")
}
