//! The whole way of a column, up to the files and down to the answers.

use std::collections::{BTreeMap, VecDeque};

use crate::graph::{Graph, Source, dataset_of};

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The column that is computed.
    pub column: String,
    /// What it is computed from, or what decides about it.
    pub source: Source,
    /// Steps from the column that was asked for, from 1.
    pub depth: usize,
    /// It decides about the rows of the whole dataset, not about this column alone.
    pub rows: bool,
}

impl Graph {
    /// What a column is computed from, step by step, the nearest first. With `rows`, what decides
    /// about the rows of each dataset on the way counts too; its own sources are not followed.
    pub fn upstream(&self, column: &str, rows: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut seen = BTreeMap::from([(column.to_owned(), 0)]);
        let mut open = VecDeque::from([column.to_owned()]);
        let mut tables = Vec::new();
        while let Some(name) = open.pop_front() {
            let depth = seen.get(&name).copied().unwrap_or(0) + 1;
            let Some(dataset) = self.dataset(dataset_of(&name)) else { continue };
            let short = name.rsplit('.').next().unwrap_or_default();
            for source in dataset.column(short).iter().flat_map(|column| &column.from) {
                steps.push(Step {
                    column: name.clone(),
                    source: source.clone(),
                    depth,
                    rows: false,
                });
                if !seen.contains_key(&source.column) {
                    seen.insert(source.column.clone(), depth);
                    open.push_back(source.column.clone());
                }
            }
            if rows && !tables.contains(&dataset.name) {
                tables.push(dataset.name.clone());
                steps.extend(dataset.rows.iter().map(|source| Step {
                    column: name.clone(),
                    source: source.clone(),
                    depth,
                    rows: true,
                }));
            }
        }
        steps
    }

    /// What a column has an effect on, step by step, the nearest first. With `rows`, the datasets
    /// whose rows it decides about count too, as one step for all of their columns.
    pub fn downstream(&self, column: &str, rows: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut seen = BTreeMap::from([(column.to_owned(), 0)]);
        let mut open = VecDeque::from([column.to_owned()]);
        while let Some(name) = open.pop_front() {
            let depth = seen.get(&name).copied().unwrap_or(0) + 1;
            for dataset in &self.datasets {
                for target in &dataset.columns {
                    for source in target.from.iter().filter(|source| source.column == name) {
                        let column = format!("{}.{}", dataset.name, target.name);
                        if !seen.contains_key(&column) {
                            seen.insert(column.clone(), depth);
                            open.push_back(column.clone());
                        }
                        steps.push(Step { column, source: source.clone(), depth, rows: false });
                    }
                }
                let whole = dataset.rows.iter().filter(|source| rows && source.column == name);
                steps.extend(whole.map(|source| Step {
                    column: dataset.name.clone(),
                    source: source.clone(),
                    depth,
                    rows: true,
                }));
            }
        }
        steps
    }
}
