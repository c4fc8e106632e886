//! Every expectation that exists.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::catalog;
use crate::problem::Problem;
pub use crate::spec::Spec;
use crate::suite::Suite;

static SPECS: LazyLock<BTreeMap<&'static str, &'static Spec>> =
    LazyLock::new(|| all().map(|spec| (spec.name, spec)).collect());

/// All expectations, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    [
        catalog::values::SPECS,
        catalog::text::SPECS,
        catalog::aggregates::SPECS,
        catalog::distribution::SPECS,
        catalog::distinct::SPECS,
        catalog::records::SPECS,
        catalog::table::SPECS,
    ]
    .into_iter()
    .flatten()
}

/// The expectation of this name.
pub fn find(name: &str) -> Option<&'static Spec> {
    SPECS.get(name).copied()
}

impl Suite {
    /// What is wrong with the names of expectations and arguments, whatever table the suite is for.
    ///
    /// [`Plan::compile`](crate::Plan::compile) finds the same and more, but needs the schema of the
    /// table; this can be asked before there is a table.
    pub fn unknown_names(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (at, expectation) in self.expectations.iter().enumerate() {
            let place = format!("expectation {} {}", at + 1, expectation.name);
            let Some(spec) = find(&expectation.name) else {
                let problem = Problem::new(place, "there is no such expectation");
                let names = all().map(|spec| spec.name);
                problems.push(problem.suggest(&expectation.name, names));
                continue;
            };
            let unknown = expectation
                .kwargs
                .keys()
                .filter(|name| !spec.accepted().any(|known| known == *name));
            problems.extend(unknown.map(|name| {
                let problem = Problem::new(&place, format!("unknown argument '{name}'"));
                problem.suggest(name, spec.accepted())
            }));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_there_are_more_than_forty() {
        let count = all().count();
        assert_eq!(SPECS.len(), count);
        assert!(count > 40, "{count}");
        for spec in all() {
            assert!(spec.name.starts_with("expect_") && !spec.description.is_empty());
        }
    }
}
