//! What happens when a file does not have the schema of its dataset: the schema contract.
//!
//! Each dataset has a mode for columns it does not know and one for values of a wrong type, set
//! under `schema_contract` in the configuration. The terms are those of dlt's schema contracts.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::dataset::Dataset;
pub use crate::mode::Mode;

/// The contract of one dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    /// For columns (JSON: fields) that the dataset does not know.
    pub columns: Mode,
    /// For values that are not of their column's type. `evolve` is impossible: the columns behind
    /// are typed.
    pub data_type: Mode,
}

impl Default for Contract {
    /// Unknown columns are kept, rows with a value of a wrong type are quarantined.
    fn default() -> Self {
        Contract { columns: Mode::Evolve, data_type: Mode::DiscardRow }
    }
}

/// The contracts as they are configured, by dataset and subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Contracts(BTreeMap<String, BTreeMap<String, String>>);

impl Contracts {
    /// The contract of `dataset`; what is not configured has its default.
    pub fn of(&self, dataset: Dataset) -> Contract {
        let default = Contract::default();
        let mode = |subject: &str| Mode::parse(self.0.get(dataset.name())?.get(subject)?);
        Contract {
            columns: mode("columns").unwrap_or(default.columns),
            data_type: mode("data_type").unwrap_or(default.data_type),
        }
    }

    /// Everything that is wrong with the configuration.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (dataset, subjects) in &self.0 {
            if dataset.parse::<Dataset>().is_err() {
                problems.push(format!("schema_contract.{dataset} is not a dataset"));
            }
            for (subject, name) in subjects {
                let place = format!("schema_contract.{dataset}.{subject}");
                match (subject.as_str(), Mode::parse(name)) {
                    ("columns", Some(_)) => {}
                    ("data_type", Some(Mode::Evolve)) => problems.push(format!(
                        "{place} cannot be evolve, since a column has one type; use freeze, \
                         discard_row or discard_value"
                    )),
                    ("data_type", Some(_)) => {}
                    ("columns" | "data_type", None) => problems.push(format!(
                        "{place} is '{name}' and not evolve, freeze, discard_row or discard_value"
                    )),
                    _ => problems.push(format!("{place} is unknown; use columns or data_type")),
                }
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contracts(lines: &[(&str, &str, &str)]) -> Contracts {
        let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (dataset, subject, mode) in lines {
            all.entry((*dataset).to_owned())
                .or_default()
                .insert((*subject).to_owned(), (*mode).to_owned());
        }
        Contracts(all)
    }

    #[test]
    fn what_is_not_configured_keeps_the_default() {
        let contracts = contracts(&[("products", "columns", "freeze")]);
        assert_eq!(contracts.problems(), Vec::<String>::new());
        let products = Contract { columns: Mode::Freeze, data_type: Mode::DiscardRow };
        assert_eq!(contracts.of(Dataset::Products), products);
        assert_eq!(contracts.of(Dataset::Customers), Contract::default());
    }

    #[test]
    fn every_problem_is_named() {
        let problems = contracts(&[
            ("orders", "columns", "freeze"),
            ("products", "tables", "evolve"),
            ("customers", "columns", "drop"),
            ("customers", "data_type", "evolve"),
        ])
        .problems();
        assert_eq!(problems.len(), 4, "{problems:?}");
        let all = problems.join("\n");
        for part in ["orders", "products.tables", "'drop'", "customers.data_type cannot"] {
            assert!(all.contains(part), "{part} is missing in {all}");
        }
    }
}
