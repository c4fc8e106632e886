//! Do files bring values along that are new to a set which evolves?

use std::collections::BTreeMap;

use shopflow_core::Dataset;
use shopflow_core::dataset::Kind;
use shopflow_core::schema_contract::Mode;
use shopflow_core::vocabulary::{ValueSet, Vocabularies, Vocabulary};
use shopflow_privacy::treatment::REDACTED;

use super::super::{Check, Layer};
use crate::expectations::arrivals::Arrival;

/// Values that are named one by one.
const NAMED: usize = 10;

/// A warning per dataset of the run with a column whose set evolves: the values that `validate`
/// accepted although they are not configured, with their rows.
pub fn judge(arrivals: &BTreeMap<Dataset, Arrival>, sets: &Vocabularies) -> Vec<Check> {
    let evolving = |dataset: Dataset| -> Vec<(&str, Vocabulary)> {
        let columns = dataset.columns().iter();
        let sets_of = columns.filter_map(|column| match column.kind {
            Kind::OneOf(ValueSet::Configured(set)) => Some((column.name, set)),
            _ => None,
        });
        sets_of.filter(|(_, set)| sets.of(*set).contract() == Mode::Evolve).collect()
    };
    arrivals
        .iter()
        .filter_map(|(dataset, arrival)| match evolving(*dataset) {
            columns if columns.is_empty() => None,
            columns => Some(check(*dataset, arrival, &columns)),
        })
        .collect()
}

fn check(dataset: Dataset, arrival: &Arrival, columns: &[(&str, Vocabulary)]) -> Check {
    let name = format!("anomaly.{dataset}.vocabulary");
    let nothing = "no new values".to_owned();
    // Nothing shows values of a column in which personal data arrived that nobody expects.
    let hidden = arrival.columns_to_hide();
    let found = arrival.new_values.iter().flat_map(|(column, values)| {
        let is_hidden = hidden.contains(column.as_str());
        values.iter().map(move |(value, rows)| {
            (column.as_str(), if is_hidden { REDACTED } else { value.as_str() }, *rows)
        })
    });
    let mut found: Vec<(&str, &str, u64)> = found.collect();
    if found.is_empty() {
        return Check::equal(Layer::Lake, name, &nothing, &nothing).warning();
    }
    found.sort_by(|(_, a, a_rows), (_, b, b_rows)| b_rows.cmp(a_rows).then(a.cmp(b)));
    let mut said: Vec<String> = found
        .iter()
        .take(NAMED)
        .map(|(column, value, rows)| {
            format!("{column} '{value}' in {rows} {}", if *rows == 1 { "row" } else { "rows" })
        })
        .collect();
    if found.len() > NAMED {
        said.push(format!("and {} more", found.len() - NAMED));
    }
    let places: Vec<String> = columns
        .iter()
        .filter(|(column, _)| arrival.new_values.contains_key(*column))
        .map(|(_, set)| format!("vocabulary.{set}.values"))
        .collect();
    let detail = format!(
        "they are loaded; add them to {}, or have the rows quarantined with the contract \
         discard_row",
        places.join(" and ")
    );
    Check::equal(Layer::Lake, name, nothing, said.join("; ")).warning().detail(detail)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use shopflow_core::Settings;

    use super::*;

    fn arrivals(values: &[(&str, u64)]) -> BTreeMap<Dataset, Arrival> {
        let values = values.iter().map(|(value, rows)| ((*value).to_owned(), *rows)).collect();
        let new_values = BTreeMap::from([("category".to_owned(), values)]);
        let products = Arrival { new_values, ..Arrival::default() };
        BTreeMap::from([(Dataset::Products, products), (Dataset::Customers, Arrival::default())])
    }

    fn evolving() -> Vocabularies {
        let variable = "SHOPFLOW__VOCABULARY__CATEGORIES__CONTRACT".to_owned();
        let variables = HashMap::from([(variable, "evolve".to_owned())]);
        Settings::from_sources("prod", variables, &[]).unwrap().vocabulary
    }

    #[test]
    fn new_values_are_a_warning_that_names_them_with_their_rows() {
        let checks = judge(&arrivals(&[("garden", 1), ("pets", 3)]), &evolving());
        assert_eq!(checks.len(), 1, "customers have no such column");
        let check = &checks[0];
        assert_eq!((check.name.as_str(), check.passed), ("anomaly.products.vocabulary", false));
        assert_eq!(check.actual, "category 'pets' in 3 rows; category 'garden' in 1 row");
        let detail = check.detail.as_deref().unwrap();
        assert!(detail.contains("vocabulary.categories.values"), "{detail}");
    }

    #[test]
    fn a_run_without_new_values_passes_so_that_the_warning_ends() {
        let mut arrivals = arrivals(&[]);
        arrivals.values_mut().for_each(|arrival| arrival.new_values.clear());
        let checks = judge(&arrivals, &evolving());
        assert!(checks.len() == 1 && checks[0].passed);
    }

    #[test]
    fn where_no_set_evolves_there_is_nothing_to_check() {
        assert!(judge(&arrivals(&[]), &Vocabularies::default()).is_empty());
    }
}
