//! Who may see a column, and what it tells about a person.

use std::collections::BTreeMap;

use shopflow_core::Dataset;
use shopflow_core::dataset::{Classification, Column, PersonalData};

/// Parameter of tables and columns; `classification` alone is Glue's name for the file format.
pub(crate) const CLASSIFICATION: &str = "data_classification";
/// Parameter of tables and columns: the kinds of personal data, separated by commas.
pub(crate) const PERSONAL_DATA: &str = "personal_data";

/// What is said about a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) classification: Classification,
    pub(crate) personal_data: Option<PersonalData>,
}

const INTERNAL: Tags = Tags { classification: Classification::Internal, personal_data: None };

impl Tags {
    pub(crate) fn parameters(self) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        parameters.insert(CLASSIFICATION.to_owned(), self.classification.name().to_owned());
        if let Some(data) = self.personal_data {
            parameters.insert(PERSONAL_DATA.to_owned(), data.name().to_owned());
        }
        parameters
    }
}

fn of(column: &Column) -> Tags {
    Tags { classification: column.classification, personal_data: column.personal_data }
}

/// A column of bronze: as the dataset says. Columns the dataset does not know can hold anything.
pub(crate) fn of_bronze(dataset: Dataset, column: &str) -> Tags {
    match dataset.columns().iter().find(|known| known.name == column) {
        Some(known) => of(known),
        None if column == shopflow_lake::schema::EXTRA => {
            Tags { classification: Classification::Restricted, personal_data: None }
        }
        None => INTERNAL,
    }
}

/// A column of silver: personal values are masked there, what is left is about a person.
pub(crate) fn of_silver(dataset: Dataset, column: &str) -> Tags {
    let tags = of_bronze(dataset, column);
    Tags { classification: tags.classification.min(Classification::Confidential), ..tags }
}

/// A column of gold, by its name: no table there has personal values, many are about a person.
/// The strictest of the datasets' columns of that name decides.
pub(crate) fn of_gold(column: &str) -> Tags {
    match column {
        "customer_key" => return of_gold("customer_id"),
        "email_domain" => {
            let classification = Classification::Confidential;
            return Tags { classification, personal_data: None };
        }
        _ => {}
    }
    Dataset::ALL
        .into_iter()
        .flat_map(Dataset::columns)
        .filter(|known| known.name == column && !known.personal && known.name != "id")
        .map(of)
        .max_by_key(|tags| tags.classification)
        .unwrap_or(INTERNAL)
}

/// A column of the change log; its rows are in it as a whole.
pub(crate) fn of_changes(column: &str) -> Tags {
    match column {
        "before" | "after" => {
            Tags { classification: Classification::Restricted, personal_data: None }
        }
        _ => INTERNAL,
    }
}

/// What is said about a table: the strictest of its columns, and all that they hold.
pub(crate) fn of_table(columns: &[Tags]) -> BTreeMap<String, String> {
    let strictest = columns.iter().map(|tags| tags.classification).max();
    let mut kinds: Vec<&str> =
        columns.iter().filter_map(|tags| tags.personal_data).map(PersonalData::name).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut parameters = BTreeMap::new();
    let strictest = strictest.unwrap_or(Classification::Internal).name();
    parameters.insert(CLASSIFICATION.to_owned(), strictest.to_owned());
    if !kinds.is_empty() {
        parameters.insert(PERSONAL_DATA.to_owned(), kinds.join(","));
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_values_are_restricted_in_bronze_and_confidential_once_masked() {
        let bronze = of_bronze(Dataset::Customers, "email");
        assert_eq!(bronze.classification, Classification::Restricted);
        let silver = of_silver(Dataset::Customers, "email");
        assert_eq!(silver.classification, Classification::Confidential);
        assert_eq!(silver.personal_data, Some(PersonalData::Email));
    }

    #[test]
    fn a_number_that_stands_for_a_person_is_confidential_wherever_it_is() {
        for name in ["customer_id", "customer_key"] {
            let tags = of_gold(name);
            assert_eq!(tags.classification, Classification::Confidential, "{name}");
            assert_eq!(tags.personal_data, Some(PersonalData::CustomerId), "{name}");
        }
        assert_eq!(of_gold("revenue"), INTERNAL);
        // The name of a product, not of a customer.
        assert_eq!(of_gold("name").classification, Classification::Public);
    }

    #[test]
    fn a_table_is_as_strict_as_its_strictest_column() {
        let columns = ["id", "name", "email"].map(|name| of_bronze(Dataset::Customers, name));
        let parameters = of_table(&columns);
        assert_eq!(parameters[CLASSIFICATION], "restricted");
        assert_eq!(parameters[PERSONAL_DATA], "customer_id,email,person_name");
    }
}
