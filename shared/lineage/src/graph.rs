//! The graph of datasets and columns, and its file.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

/// Where a dataset lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Files as they land.
    Raw,
    /// Everything that was accepted, in Parquet.
    Bronze,
    /// One row per key, personal values masked.
    Silver,
    /// Normalised tables in Postgres.
    Core,
    /// The star schema in Postgres, and what is published to it.
    Warehouse,
    /// Answers, in Parquet.
    Gold,
}

impl Layer {
    /// Every layer, in the order of the flow.
    pub const ALL: [Layer; 6] =
        [Layer::Raw, Layer::Bronze, Layer::Silver, Layer::Core, Layer::Warehouse, Layer::Gold];

    /// The part of a dataset's name before the dot.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Raw => "raw",
            Layer::Bronze => "bronze",
            Layer::Silver => "silver",
            Layer::Core => "core",
            Layer::Warehouse => "warehouse",
            Layer::Gold => "gold",
        }
    }
}

/// How a column depends on another, as OpenLineage's column lineage names it.
///
/// The first three are direct: the value is made from the other. The rest are indirect: the other
/// decides which value, or whether there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Transformation {
    /// The same value.
    Identity,
    /// Computed from the value of one row.
    Transformation,
    /// Computed from the values of several rows.
    Aggregation,
    /// Rows are matched by it.
    Join,
    /// Rows are put together by it.
    GroupBy,
    /// Rows are left out by it.
    Filter,
    /// Rows are ordered by it.
    Sort,
    /// The window of a window function is made by it.
    Window,
    /// A branch is chosen by it.
    Conditional,
}

impl Transformation {
    /// Whether the value itself is made from the other column.
    pub fn is_direct(self) -> bool {
        matches!(
            self,
            Transformation::Identity | Transformation::Transformation | Transformation::Aggregation
        )
    }

    /// The name in OpenLineage, such as `GROUP_BY`.
    pub fn name(self) -> &'static str {
        match self {
            Transformation::Identity => "IDENTITY",
            Transformation::Transformation => "TRANSFORMATION",
            Transformation::Aggregation => "AGGREGATION",
            Transformation::Join => "JOIN",
            Transformation::GroupBy => "GROUP_BY",
            Transformation::Filter => "FILTER",
            Transformation::Sort => "SORT",
            Transformation::Window => "WINDOW",
            Transformation::Conditional => "CONDITIONAL",
        }
    }
}

/// A column that another depends on, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// `<layer>.<table>.<column>`.
    pub column: String,
    pub by: Transformation,
    /// The personal value is not recognisable any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masking: bool,
}

/// A column and what it is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// Type as the layer names it: of the CSV definition, Arrow or Postgres.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Empty for what comes from no column: constants, generated keys, counts of rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Source>,
}

/// A table, view or set of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// `<layer>.<table>`.
    pub name: String,
    pub columns: Vec<Column>,
    /// What decides which rows there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Source>,
}

impl Dataset {
    /// Layer of the dataset; `None` for a name that is not of this graph.
    pub fn layer(&self) -> Option<Layer> {
        let layer = self.name.split('.').next()?;
        Layer::ALL.into_iter().find(|known| known.name() == layer)
    }

    /// Name without the layer.
    pub fn table(&self) -> &str {
        self.name.split_once('.').map_or(self.name.as_str(), |(_, table)| table)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Names of the datasets it reads, sorted.
    pub fn inputs(&self) -> BTreeSet<&str> {
        let sources = self.columns.iter().flat_map(|column| &column.from).chain(&self.rows);
        sources.map(|source| dataset_of(&source.column)).collect()
    }
}

/// The dataset in the name of a column: everything before its last dot.
pub fn dataset_of(column: &str) -> &str {
    column.rsplit_once('.').map_or(column, |(dataset, _)| dataset)
}

/// The lineage of all datasets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// What is read stands before what is written from it.
    pub datasets: Vec<Dataset>,
}

impl Graph {
    /// The dataset of this name, such as `gold.daily_sales`.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.name == name)
    }

    /// Which dataset is read for which: pairs of names, in the order of the flow.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.datasets.iter().flat_map(|dataset| {
            dataset.inputs().into_iter().map(|input| (input, dataset.name.as_str()))
        })
    }

    /// The full name of a column. A name without a layer means the first dataset that has it, so
    /// `customers.email` is `raw.customers.email`.
    ///
    /// # Errors
    /// `InvalidInput` when no dataset has such a column; the hint names what there is instead.
    pub fn resolve(&self, name: &str) -> Result<String> {
        let (table, column) = name.rsplit_once('.').unwrap_or((name, ""));
        let mut tables = self.datasets.iter().filter(|dataset| {
            dataset.name == table || (!table.contains('.') && dataset.table() == table)
        });
        let Some(first) = tables.clone().next() else {
            let names: Vec<&str> = self.datasets.iter().map(|dataset| dataset.table()).collect();
            let names: BTreeSet<&str> = names.into_iter().collect();
            let names: Vec<&str> = names.into_iter().collect();
            return Err(Error::invalid(format!("no dataset '{table}'"))
                .hint(format!("the datasets are {}", names.join(", "))));
        };
        match tables.find(|dataset| dataset.column(column).is_some()) {
            Some(dataset) => Ok(format!("{}.{column}", dataset.name)),
            None => {
                let columns: Vec<&str> =
                    first.columns.iter().map(|column| column.name.as_str()).collect();
                Err(Error::invalid(format!("no column '{column}' in {}", first.name))
                    .hint(format!("its columns are {}", columns.join(", "))))
            }
        }
    }

    /// The graph as its file holds it: one line per column, so that differences can be read.
    ///
    /// # Errors
    /// `Internal` when a value cannot be encoded.
    pub fn to_json(&self) -> Result<String> {
        let mut text = String::from("{\"datasets\": [\n");
        for (number, dataset) in self.datasets.iter().enumerate() {
            text.push_str(if number == 0 { "" } else { ",\n" });
            text.push_str(&format!("{{\"name\": {}, \"columns\": [\n", line(&dataset.name)?));
            let columns = dataset.columns.iter().map(line).collect::<Result<Vec<_>>>()?;
            text.push_str(
                &columns.iter().map(|column| format!("  {column}")).collect::<Vec<_>>().join(",\n"),
            );
            text.push_str("\n]");
            if !dataset.rows.is_empty() {
                let rows = dataset.rows.iter().map(line).collect::<Result<Vec<_>>>()?;
                text.push_str(", \"rows\": [\n  ");
                text.push_str(&rows.join(",\n  "));
                text.push_str("\n]");
            }
            text.push('}');
        }
        text.push_str("\n]}\n");
        Ok(text)
    }
}

fn line<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).or_error(ErrorKind::Internal, "encode lineage failed")
}
