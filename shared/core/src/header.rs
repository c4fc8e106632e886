//! How the columns of a dataset are found by the names in the header of a file.
//!
//! ```
//! use shopflow_core::Dataset;
//! use shopflow_core::header;
//!
//! let columns = Dataset::Transactions.columns();
//! let found = header::column(columns, " Customer ID").map(|column| column.name);
//! assert_eq!(found, Some("customer_id"));
//! assert!(header::column(columns, "customer").is_none());
//! ```

use crate::dataset::Column;

/// The column that a name in a header means: the one of that name, whatever is written in capitals,
/// quoted, or separated in another way (`CustomerID`, `customer-id`, `Customer ID`).
pub fn column(columns: &'static [Column], name: &str) -> Option<&'static Column> {
    let exact = columns.iter().find(|column| column.name == name);
    exact.or_else(|| columns.iter().find(|column| means(name, column)))
}

/// True for a name in a header that means `column`.
pub fn means(name: &str, column: &Column) -> bool {
    is_same(column.name, name) && !is_own(name)
}

/// True for a name that begins with an underscore, and so is some program's own, such as the `_line`
/// of a tool that has copied the file: it means no column.
pub fn is_own(name: &str) -> bool {
    name.chars().find(|character| *character == '_' || !is_mark(*character)) == Some('_')
}

/// True for names that differ in capitals, blanks, quotes and separators at most.
pub fn is_same(name: &str, other: &str) -> bool {
    letters(name).eq(letters(other))
}

/// True for a name that says nothing.
pub fn is_blank(name: &str) -> bool {
    letters(name).next().is_none()
}

/// What a name says, in small letters.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|character| !is_mark(*character)).flat_map(char::to_lowercase)
}

/// Blanks, separators and quotes, those that cannot be seen and those of word processors included.
fn is_mark(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '_' | '-' | '.' | '/' | '"' | '\'' | '`' | '\u{ab}' | '\u{bb}' | '\u{feff}' | '\u{b4}'
        )
        || ('\u{200b}'..='\u{200f}').contains(&character)
        || ('\u{2010}'..='\u{201f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    #[test]
    fn a_column_is_found_however_its_name_is_written() {
        let columns = Dataset::Transactions.columns();
        for name in [
            "customer_id",
            "Customer ID",
            " customer-id ",
            "CustomerID",
            "customerId",
            "CUSTOMER.ID",
            "\u{201c}customer_id\u{201d}",
            "\u{a0}customer\u{2010}id",
            "'customer id'",
        ] {
            let found = column(columns, name).map(|column| column.name);
            assert_eq!(found, Some("customer_id"), "{name:?}");
        }
        for other in ["", " ", "_", "customer", "customer_ids", "cust_id", "kundennummer", "id#"] {
            assert!(column(columns, other).is_none(), "{other:?}");
        }
        assert!(is_blank(" \u{feff}\"\"") && !is_blank("x"));
    }

    #[test]
    fn what_begins_with_an_underscore_is_no_column() {
        let columns = Dataset::Transactions.columns();
        for own in ["_customer_id", " _Customer ID", "\"_id\"", "__line"] {
            assert!(column(columns, own).is_none() && is_own(own), "{own:?}");
        }
        assert!(!is_own("customer_id") && !is_own(" customer") && !is_own(""));
    }

    #[test]
    fn no_two_columns_of_a_dataset_are_the_same_name() {
        for dataset in Dataset::all() {
            let columns = dataset.columns();
            for (at, column) in columns.iter().enumerate() {
                let same = columns[..at].iter().find(|other| is_same(other.name, column.name));
                assert!(same.is_none(), "{dataset}: {}", column.name);
            }
        }
    }
}
