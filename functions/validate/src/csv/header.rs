//! The header line: which column stands where, and whether the file can be read at all.

use shopflow_core::Dataset;
use shopflow_core::dataset::Column;

use crate::personal::{self, MOST_COLUMNS};
use crate::rejection::Rejection;
use crate::rules::Rule;

/// A usable header.
#[derive(Debug)]
pub(super) struct Header {
    /// What stands at each position; `None` is a column the dataset does not know.
    pub columns: Vec<Option<&'static Column>>,
    /// Names of the unknown columns, the first [`MOST_COLUMNS`] of them.
    pub extra: Vec<String>,
    /// Columns that were required once and that the file does without.
    pub absent: Vec<&'static Column>,
}

/// Reads the names of the header.
///
/// # Errors
/// The rejection when a required column is missing, or one is named twice. A column that was required
/// once may be missing, unless it is there under another spelling: its values would be lost unseen.
pub(super) fn read(dataset: Dataset, names: &[String]) -> Result<Header, Rejection> {
    let known = dataset.columns();
    if !names.iter().any(|name| known.iter().any(|column| is_alike(column.name, name))) {
        return Err(missing_header(known));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(duplicate(known, pair[0]));
    }
    let missing: Vec<&'static Column> = known
        .iter()
        .filter(|column| !names.iter().any(|name| name == column.name))
        .filter(|column| {
            column.required || (column.relaxed && misspelt(column, known, names).is_some())
        })
        .collect();
    if let Some(&first) = missing.first() {
        return Err(missing_columns(first, &missing, known, names));
    }
    let absent = known
        .iter()
        .filter(|column| column.relaxed && !names.iter().any(|name| name == column.name))
        .collect();
    let columns: Vec<Option<&'static Column>> =
        names.iter().map(|name| known.iter().find(|column| column.name == name)).collect();
    let extra = names
        .iter()
        .zip(&columns)
        .filter(|(_, column)| column.is_none())
        .take(MOST_COLUMNS)
        .map(|(name, _)| personal::shown(name))
        .collect();
    Ok(Header { columns, extra, absent })
}

fn missing_header(known: &[Column]) -> Rejection {
    let names: Vec<&str> = known.iter().map(|column| column.name).collect();
    Rejection {
        rule: Rule::MissingHeader,
        column: None,
        text: format!("the first line names none of the columns {}", names.join(", ")),
        remedy: "start the file with a header line, separated by commas".to_owned(),
    }
}

fn duplicate(known: &'static [Column], name: &str) -> Rejection {
    let column = known.iter().find(|column| column.name == name);
    let is_shown = is_name(name) && personal::value_in(name).is_none();
    let shown = if is_shown { format!("'{name}'") } else { "with the same text".to_owned() };
    Rejection {
        rule: Rule::DuplicateColumn,
        column,
        text: format!("the header has two columns {shown}"),
        remedy: "rename or remove one of them".to_owned(),
    }
}

fn missing_columns(
    first: &'static Column,
    missing: &[&'static Column],
    known: &[Column],
    names: &[String],
) -> Rejection {
    let listed: Vec<String> = missing.iter().map(|column| format!("'{}'", column.name)).collect();
    let what = if listed.len() == 1 { "column" } else { "columns" };
    let remedy = match misspelt(first, known, names) {
        Some(name) => format!("did you mean to call column '{name}' '{}'?", first.name),
        None => "add what is missing to the header and to every row".to_owned(),
    };
    Rejection {
        rule: Rule::MissingColumn,
        column: Some(first),
        text: format!("the header lacks {what} {}", listed.join(", ")),
        remedy,
    }
}

/// The unknown column with nearly the name of `column`, if there is one.
fn misspelt<'a>(column: &Column, known: &[Column], names: &'a [String]) -> Option<&'a String> {
    let candidates = names
        .iter()
        .filter(|name| is_name(name) && personal::value_in(name).is_none())
        .filter(|name| !known.iter().any(|column| column.name == name.as_str()));
    let nearest = candidates.min_by_key(|name| alike(column.name, name))?;
    (alike(column.name, nearest) <= column.name.len() / 3).then_some(nearest)
}

/// Only a text that looks like the name of a column is repeated: a file without a header has
/// people's data on its first line.
fn is_name(text: &str) -> bool {
    let trimmed = text.trim();
    trimmed.len() <= 40
        && trimmed.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && trimmed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_- ".contains(&byte))
}

/// True for the same name, ignoring case and surrounding blanks: no distance of 0 has to be counted
/// for that, which takes long where a name is.
fn is_alike(name: &str, other: &str) -> bool {
    other.trim().eq_ignore_ascii_case(name)
}

/// Edit distance of two names, ignoring case and surrounding blanks.
fn alike(name: &str, other: &str) -> usize {
    strsim::levenshtein(name, &other.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<String> {
        header.split(',').map(str::to_owned).collect()
    }

    fn rejection(header: &str) -> Rejection {
        read(Dataset::Products, &names(header)).unwrap_err()
    }

    #[test]
    fn columns_are_found_in_any_order_and_extra_ones_are_reported() {
        let header =
            read(Dataset::Products, &names("supplier,colour,price,id,category,name")).unwrap();
        let order: Vec<&str> =
            header.columns.iter().map(|column| column.map_or("-", |column| column.name)).collect();
        assert_eq!(order, ["supplier", "-", "price", "id", "category", "name"]);
        assert_eq!(header.extra, ["colour"]);
    }

    #[test]
    fn a_missing_column_is_named_with_the_nearest_name() {
        for (header, suggestion) in [
            ("id,name,category,Price,supplier", "'Price'"),
            ("id,name,category, price,supplier", "' price'"),
            ("id,name,category,prise,supplier", "'prise'"),
        ] {
            let rejection = rejection(header);
            assert_eq!(rejection.rule, Rule::MissingColumn);
            assert_eq!(rejection.text, "the header lacks column 'price'");
            assert!(rejection.remedy.contains(suggestion), "{}", rejection.remedy);
        }
        let several = rejection("id,name,colour");
        assert_eq!(several.text, "the header lacks columns 'category', 'price', 'supplier'");
        assert!(!several.remedy.contains("colour"), "{}", several.remedy);
    }

    #[test]
    fn sales_may_have_no_column_of_customers_unless_it_is_there_in_another_spelling() {
        let read = |header: &str| read(Dataset::Transactions, &names(header));
        let others = "id,product_id,quantity,timestamp,payment_method";
        assert!(read(others).is_ok());
        assert!(read(&format!("{others},cashier,note")).is_ok());
        for spelling in ["Customer_ID", "customerid", "Customer ID"] {
            let rejection = read(&format!("{others},{spelling}")).unwrap_err();
            assert_eq!(rejection.text, "the header lacks column 'customer_id'");
            assert!(rejection.remedy.contains(spelling), "{}", rejection.remedy);
        }
    }

    #[test]
    fn a_column_named_twice_is_refused() {
        let known = rejection("id,name,category,price,supplier,price");
        assert_eq!((known.rule, known.column.unwrap().name), (Rule::DuplicateColumn, "price"));
        let extra = rejection("id,name,category,price,supplier,x,x");
        assert_eq!(extra.text, "the header has two columns 'x'");
    }

    #[test]
    fn a_file_without_a_header_is_told_so_without_repeating_its_data() {
        let error = read(Dataset::Customers, &names("1,Ann,ann@x.org,2024-01-01,DE")).unwrap_err();
        assert_eq!(error.rule, Rule::MissingHeader);
        assert!(!format!("{error:?}").contains("Ann"), "{error:?}");
    }

    #[test]
    fn distance_counts_single_edits() {
        for (a, b, distance) in
            [("price", "price", 0), ("price", " PRICE ", 0), ("price", "prices", 1), ("id", "", 2)]
        {
            assert_eq!(alike(a, b), distance, "{a} {b}");
            assert_eq!(is_alike(a, b), distance == 0, "{a} {b}");
        }
    }
}
