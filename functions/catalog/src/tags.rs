//! Who may see a column, and what it tells about a person: as the definition says, under the
//! policies of the configuration.

use std::collections::BTreeMap;

use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, Made, PersonalData};
use shopflow_core::privacy::Privacy;
use shopflow_privacy::{Class, Layer, Treatment};

/// Parameter of tables and columns; `classification` alone is Glue's name for the file format.
pub(crate) const CLASSIFICATION: &str = "data_classification";
/// Parameter of tables and columns: the kinds of personal data, separated by commas.
pub(crate) const PERSONAL_DATA: &str = "personal_data";

/// What is said about a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) class: Class,
    pub(crate) personal_data: Option<PersonalData>,
}

const INTERNAL: Tags = Tags { class: Class::Internal, personal_data: None };
/// Text that can hold anything.
const RESTRICTED: Tags = Tags { class: Class::Restricted, personal_data: None };

impl Tags {
    pub(crate) fn parameters(self) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        parameters.insert(CLASSIFICATION.to_owned(), self.class.name().to_owned());
        if let Some(data) = self.personal_data {
            parameters.insert(PERSONAL_DATA.to_owned(), data.name().to_owned());
        }
        parameters
    }
}

fn of(privacy: &Privacy, dataset: Dataset, column: &Column) -> Tags {
    let decision = privacy.decide(dataset, column);
    Tags { class: decision.class, personal_data: decision.kind }
}

fn known(dataset: Dataset, name: &str) -> Option<&'static Column> {
    dataset.columns().iter().find(|known| known.name == name)
}

/// A column of bronze: as the dataset says. Columns the dataset does not know can hold anything.
pub(crate) fn of_bronze(privacy: &Privacy, dataset: Dataset, column: &str) -> Tags {
    match known(dataset, column) {
        Some(known) => of(privacy, dataset, known),
        None if column == shopflow_lake::schema::EXTRA => RESTRICTED,
        None => INTERNAL,
    }
}

/// A column of silver: what is left of a treated value is about a person, unless nothing is left.
pub(crate) fn of_silver(privacy: &Privacy, dataset: Dataset, column: &str) -> Tags {
    let tags = of_bronze(privacy, dataset, column);
    let Some(known) = known(dataset, column) else { return tags };
    match privacy.decide(dataset, known).treatment(Layer::Silver) {
        Treatment::Keep => tags,
        Treatment::Redact | Treatment::Drop => INTERNAL,
        _ => Tags { class: tags.class.min(Class::Confidential), ..tags },
    }
}

/// A column of gold, by its name: no table there has personal values, many are about a person.
/// The strictest of the datasets' columns of that name decides.
pub(crate) fn of_gold(privacy: &Privacy, column: &str) -> Tags {
    match column {
        "customer_key" => return of_gold(privacy, "customer_id"),
        // A part of an address, which many share.
        domain if is_domain(domain) => {
            return Tags { class: Class::Confidential, personal_data: None };
        }
        _ => {}
    }
    Dataset::all()
        .flat_map(|dataset| dataset.columns().iter().map(move |known| (dataset, known)))
        .filter(|(_, known)| known.name == column && !known.is_personal() && known.name != "id")
        .map(|(dataset, known)| of(privacy, dataset, known))
        .max_by_key(|tags| tags.class)
        .unwrap_or(INTERNAL)
}

fn is_domain(column: &str) -> bool {
    let dimensions = Dataset::all().filter_map(Dataset::dimension);
    dimensions
        .flat_map(|dimension| dimension.attributes)
        .any(|attribute| attribute.name == column && attribute.made == Made::Domain)
}

/// A column of the change log; its rows are in it as a whole.
pub(crate) fn of_changes(column: &str) -> Tags {
    match column {
        "before" | "after" => RESTRICTED,
        _ => INTERNAL,
    }
}

/// What is said about a table: the strictest of its columns, and all that they hold.
pub(crate) fn of_table(columns: &[Tags]) -> BTreeMap<String, String> {
    let strictest = columns.iter().map(|tags| tags.class).max();
    let mut kinds: Vec<&str> =
        columns.iter().filter_map(|tags| tags.personal_data).map(PersonalData::name).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut parameters = BTreeMap::new();
    let strictest = strictest.unwrap_or(Class::Internal).name();
    parameters.insert(CLASSIFICATION.to_owned(), strictest.to_owned());
    if !kinds.is_empty() {
        parameters.insert(PERSONAL_DATA.to_owned(), kinds.join(","));
    }
    parameters
}

#[cfg(test)]
mod tests {
    use shopflow_core::Settings;

    use super::*;

    fn privacy() -> Privacy {
        Settings::from_sources("prod", Default::default(), &[]).unwrap().privacy
    }

    #[test]
    fn personal_values_are_restricted_in_bronze_and_confidential_once_treated() {
        let bronze = of_bronze(&privacy(), Dataset::Customers, "email");
        assert_eq!(bronze.class, Class::Restricted);
        let silver = of_silver(&privacy(), Dataset::Customers, "email");
        assert_eq!(silver.class, Class::Confidential);
        assert_eq!(silver.personal_data, Some(PersonalData::Email));
    }

    #[test]
    fn a_number_that_stands_for_a_person_is_confidential_wherever_it_is() {
        for name in ["customer_id", "customer_key"] {
            let tags = of_gold(&privacy(), name);
            assert_eq!(tags.class, Class::Confidential, "{name}");
            assert_eq!(tags.personal_data, Some(PersonalData::CustomerId), "{name}");
        }
        assert_eq!(of_gold(&privacy(), "revenue"), INTERNAL);
        // The name of a product, not of a customer.
        assert_eq!(of_gold(&privacy(), "name").class, Class::Public);
    }

    #[test]
    fn a_table_is_as_strict_as_its_strictest_column() {
        let privacy = privacy();
        let columns =
            ["id", "name", "email"].map(|name| of_bronze(&privacy, Dataset::Customers, name));
        let parameters = of_table(&columns);
        assert_eq!(parameters[CLASSIFICATION], "restricted");
        assert_eq!(parameters[PERSONAL_DATA], "customer_id,email,person_name");
    }
}
