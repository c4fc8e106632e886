//! What of a refused value may be shown on a screen.

use shopflow_core::Dataset;
use shopflow_core::dataset::PersonalData;
use shopflow_privacy::treatment::{REDACTED, mask};

/// Letters in a row that can be a name or part of one.
const NAME_LETTERS: usize = 3;

/// The value of a quarantine file as a screen may show it. `validate` has masked the values of
/// personal columns already; in a row whose columns are mixed up, a name can stand in any of them,
/// and an address of a page can hold what somebody typed.
pub fn shown(dataset: Dataset, column: &str, value: &str) -> String {
    if value == REDACTED {
        return value.to_owned();
    }
    let known = dataset.columns().iter().find(|known| known.name == column);
    let personal = known.is_some_and(|column| {
        column.is_personal() || column.personal_data() == Some(PersonalData::Url)
    });
    let knows_persons = dataset.columns().iter().any(|column| column.is_personal());
    if personal || value.contains('@') || (knows_persons && has_word(value)) {
        return mask::initial_if_any(value);
    }
    value.to_owned()
}

fn has_word(value: &str) -> bool {
    let mut letters = 0;
    for character in value.chars() {
        letters = if character.is_alphabetic() { letters + 1 } else { 0 };
        if letters == NAME_LETTERS {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_masked_in_whatever_column_they_stand() {
        assert_eq!(shown(Dataset::Customers, "country", "Lindqvist"), "L***");
        assert_eq!(shown(Dataset::Customers, "registration_date", "Ng Thi"), "N***");
        assert_eq!(shown(Dataset::Customers, "email", "n***"), "n***");
        assert_eq!(shown(Dataset::Customers, "name", "Bo"), "B***");
        assert_eq!(shown(Dataset::Customers, "", "ann@example.com"), "a***");
        assert_eq!(shown(Dataset::Customers, "id", "[redacted]"), "[redacted]");
    }

    #[test]
    fn addresses_of_pages_are_masked() {
        assert_eq!(shown(Dataset::Clickstream, "url", "/search?q=ann"), "/***");
        assert_eq!(shown(Dataset::Clickstream, "country", "Germany"), "Germany");
    }

    #[test]
    fn values_that_tell_nothing_about_a_person_stay_readable() {
        assert_eq!(shown(Dataset::Customers, "registration_date", "2024-13-45"), "2024-13-45");
        assert_eq!(shown(Dataset::Customers, "country", "xx"), "xx");
        assert_eq!(shown(Dataset::Products, "category", "gadgets"), "gadgets");
        assert_eq!(shown(Dataset::Transactions, "quantity", "-3"), "-3");
        assert_eq!(shown(Dataset::Customers, "name", ""), "");
    }
}
