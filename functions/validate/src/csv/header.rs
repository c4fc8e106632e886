//! The header line: which column stands where, and whether the file can be read at all.

use shopflow_core::dataset::Column;
use shopflow_core::natural_key::{Form, NATURAL_KEY};
use shopflow_core::{Dataset, header};

use super::record::Field;
use super::suggest;
use crate::foreign::LEAST_NAMES;
use crate::money;
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
    /// What else the report says of the names.
    pub told: Vec<String>,
}

/// Reads the names of the header. Capitals, blanks, quotes and separators do not matter in the names
/// of known columns.
///
/// # Errors
/// The rejection when a required column is missing, or one is named twice. A column that was required
/// once may be missing, unless it is there under another name (its values would be lost unseen), or
/// what could stand for it is missing too.
pub(super) fn read(dataset: Dataset, names: &[String], form: &Form) -> Result<Header, Rejection> {
    let known = dataset.columns();
    let columns: Vec<Option<&'static Column>> =
        names.iter().map(|name| header::column(known, name)).collect();
    if columns.iter().all(Option::is_none) {
        return Err(nothing_known(dataset, names, form));
    }
    if let Some(rejection) = twice(names, &columns) {
        return Err(rejection);
    }
    if names.iter().any(|name| name.contains('\0')) {
        return Err(Rejection {
            rule: Rule::ControlCharacter,
            column: None,
            text: "a name in the header contains a NUL".to_owned(),
            remedy: "correct the first line".to_owned(),
        });
    }
    if let Some(made) = columns.iter().flatten().find(|column| form.makes(column)) {
        return Err(made_here(made));
    }
    let has = |name: &str| columns.iter().flatten().any(|other| other.name == name);
    let lacking: Vec<&'static Column> = known.iter().filter(|column| !has(column.name)).collect();
    let is_under_another_name = |column: &'static Column| {
        column.relaxed && !suggest::suggestions(dataset, &[column], names).is_empty()
    };
    let is_needed = |column: &'static Column| {
        form.needs(column)
            || is_under_another_name(column)
            || column.unless.is_some_and(|other| !has(other))
    };
    let missing: Vec<&'static Column> =
        lacking.iter().copied().filter(|column| is_needed(column)).collect();
    if let Some(&first) = missing.first() {
        return Err(missing_columns(dataset, first, &missing, names));
    }
    let mut told = suggest::of_money(dataset, &lacking, names);
    told.extend(money::list_prices(dataset, has));
    let absent = lacking.into_iter().filter(|column| column.relaxed).collect();
    let extra = names
        .iter()
        .zip(&columns)
        .filter(|(_, column)| column.is_none())
        .take(MOST_COLUMNS)
        .map(|(name, _)| personal::shown(name))
        .collect();
    Ok(Header { columns, extra, absent, told })
}

/// How many columns a header names: those at its end without a name are separators too many.
pub(super) fn named(names: &[String]) -> usize {
    let is_blank = |name: &String| name.trim().trim_matches('"').is_empty();
    names.iter().rposition(|name| !is_blank(name)).map_or(names.len(), |last| last + 1)
}

/// The header line as it goes on: known columns under their own names, everything else as it came.
/// `fields` are where the names stand in it.
pub(super) fn written(
    line: &[u8],
    fields: &[Field],
    names: &[String],
    columns: &[Option<&'static Column>],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    for (at, ((field, name), column)) in fields.iter().zip(names).zip(columns).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match column {
            Some(column) if column.name != name => out.extend_from_slice(column.name.as_bytes()),
            _ => out.extend_from_slice(&line[field.whole()]),
        }
    }
    out
}

/// The rejection of a header that names a column twice, a known one perhaps in two spellings.
fn twice(names: &[String], columns: &[Option<&'static Column>]) -> Option<Rejection> {
    for (at, column) in columns.iter().enumerate() {
        let Some(column) = *column else { continue };
        let is_same = |other: &Option<&Column>| other.is_some_and(|it| it.name == column.name);
        if let Some(earlier) = columns[..at].iter().position(is_same) {
            return Some(duplicate(Some(column), &names[earlier], &names[at]));
        }
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    let pair = sorted.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(duplicate(None, pair[0], pair[1]))
}

/// The rejection of a first line that names no column: a header in other words, or none.
fn nothing_known(dataset: Dataset, names: &[String], form: &Form) -> Rejection {
    let needed: Vec<&'static Column> =
        dataset.columns().iter().filter(|column| form.needs(column)).collect();
    match needed.first() {
        Some(&first) if suggest::suggestions(dataset, &needed, names).len() >= LEAST_NAMES => {
            missing_columns(dataset, first, &needed, names)
        }
        _ => missing_header(dataset.columns(), form),
    }
}

fn missing_header(known: &[Column], form: &Form) -> Rejection {
    let is_made = |column: &&Column| column.name == NATURAL_KEY || form.makes(column);
    let names: Vec<&str> =
        known.iter().filter(|column| !is_made(column)).map(|column| column.name).collect();
    Rejection {
        rule: Rule::MissingHeader,
        column: None,
        text: format!("the first line names none of the columns {}", names.join(", ")),
        remedy: "start the file with a header line, separated by commas".to_owned(),
    }
}

fn duplicate(column: Option<&'static Column>, first: &str, second: &str) -> Rejection {
    let is_shown = |name: &str| suggest::is_name(name) && personal::value_in(name).is_none();
    let shown = match column {
        Some(column) if first != second => match is_shown(first) && is_shown(second) {
            true => format!("for '{}': '{first}' and '{second}'", column.name),
            false => format!("for '{}'", column.name),
        },
        _ if is_shown(first) => format!("'{first}'"),
        _ => "with the same text".to_owned(),
    };
    Rejection {
        rule: Rule::DuplicateColumn,
        column,
        text: format!("the header has two columns {shown}"),
        remedy: "rename or remove one of them".to_owned(),
    }
}

/// Nobody could tell whether the file's own values or those made of the key count.
fn made_here(column: &'static Column) -> Rejection {
    Rejection {
        rule: Rule::DuplicateColumn,
        column: Some(column),
        text: format!("'{}' is made of the key of a row, and the file has it too", column.name),
        remedy: "leave the column out or rename it, or change what identifies a row \
                 (natural_keys in the configuration)"
            .to_owned(),
    }
}

fn missing_columns(
    dataset: Dataset,
    first: &'static Column,
    missing: &[&'static Column],
    names: &[String],
) -> Rejection {
    let listed: Vec<String> = missing.iter().map(|column| format!("'{}'", column.name)).collect();
    let what = if listed.len() == 1 { "column" } else { "columns" };
    let suggestions = suggest::suggestions(dataset, missing, names);
    let meant: Vec<String> = suggestions
        .iter()
        .map(|(column, name)| format!("to call column '{name}' '{}'", column.name))
        .collect();
    let mut remedies = Vec::new();
    if !meant.is_empty() {
        remedies.push(format!("did you mean {}?", meant.join(", and ")));
    }
    match (first.unless, missing.len()) {
        (Some(other), 1) if meant.is_empty() => {
            remedies.push(format!("add it, or column '{other}', which can take its place"));
        }
        _ if meant.len() < missing.len() => {
            remedies.push("add what is missing to the header and to every row".to_owned());
        }
        _ => {}
    }
    Rejection {
        rule: Rule::MissingColumn,
        column: Some(first),
        text: format!("the header lacks {what} {}", listed.join(", ")),
        remedy: remedies.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<String> {
        header.split(',').map(str::to_owned).collect()
    }

    fn rejection(header: &str) -> Rejection {
        read(Dataset::Products, &names(header), &Form::Number).unwrap_err()
    }

    #[test]
    fn columns_are_found_in_any_order_and_extra_ones_are_reported() {
        let header = read(
            Dataset::Products,
            &names("supplier,colour,price,id,category,name"),
            &Form::Number,
        )
        .unwrap();
        let order: Vec<&str> =
            header.columns.iter().map(|column| column.map_or("-", |column| column.name)).collect();
        assert_eq!(order, ["supplier", "-", "price", "id", "category", "name"]);
        assert_eq!(header.extra, ["colour"]);
    }

    #[test]
    fn names_of_known_columns_may_be_written_in_any_way() {
        let spellings = "ID, Name,CATEGORY,\u{201c}price\u{201d},sup-plier,Colour";
        let header = read(Dataset::Products, &names(spellings), &Form::Number).unwrap();
        assert_eq!(header.columns.iter().flatten().count(), 5);
        assert_eq!(header.extra, ["Colour"]);
    }

    #[test]
    fn every_missing_column_is_named_with_what_may_be_meant() {
        let one = rejection("id,name,category,prise,supplier");
        assert_eq!(one.rule, Rule::MissingColumn);
        assert_eq!(one.text, "the header lacks column 'price'");
        assert_eq!(one.remedy, "did you mean to call column 'prise' 'price'?");
        let several = rejection("id,Product Name,product_type,Vendor,colour");
        assert_eq!(
            several.text,
            "the header lacks columns 'name', 'category', 'price', 'supplier'"
        );
        assert_eq!(
            several.remedy,
            "did you mean to call column 'Product Name' 'name', and to call column 'product_type' \
             'category', and to call column 'Vendor' 'supplier'? add what is missing to the header \
             and to every row"
        );
        // Without a name that may be meant, the supplier may be missing.
        assert_eq!(
            rejection("id,colour").text,
            "the header lacks columns 'name', 'category', 'price'"
        );
    }

    #[test]
    fn sales_may_have_no_column_of_customers_unless_it_is_there_under_another_name() {
        let read = |header: &str| read(Dataset::Transactions, &names(header), &Form::Number);
        let others = "id,product_id,quantity,timestamp,payment_method";
        assert!(read(others).is_ok());
        assert!(read(&format!("{others},cashier,note")).is_ok());
        for spelling in ["Customer_ID", "customerid", "Customer ID"] {
            assert!(read(&format!("{others},{spelling}")).unwrap().absent.is_empty());
        }
        for other in ["custmer_id", "Customer No", "client_id"] {
            let rejection = read(&format!("{others},{other}")).unwrap_err();
            assert_eq!(rejection.text, "the header lacks column 'customer_id'");
            assert!(rejection.remedy.contains(other), "{}", rejection.remedy);
        }
    }

    #[test]
    fn columns_that_may_be_missing_are_those_the_file_does_without() {
        let absent = |dataset, header: &str| -> Vec<&str> {
            let header = read(dataset, &names(header), &Form::Number).unwrap();
            header.absent.iter().map(|column| column.name).collect()
        };
        assert_eq!(
            absent(Dataset::Customers, "id,name"),
            ["email", "registration_date", "country"]
        );
        assert_eq!(absent(Dataset::Products, "id,name,category,price"), ["supplier"]);
        assert_eq!(
            absent(Dataset::Transactions, "id,quantity,timestamp,unit_price"),
            ["customer_id", "product_id", "payment_method"]
        );
    }

    #[test]
    fn sales_without_products_need_a_column_with_their_prices() {
        let header = names("id,customer_id,quantity,timestamp,payment_method");
        let rejection = read(Dataset::Transactions, &header, &Form::Number).unwrap_err();
        assert_eq!(rejection.rule, Rule::MissingColumn);
        assert_eq!(rejection.text, "the header lacks column 'product_id'");
        assert_eq!(rejection.remedy, "add it, or column 'unit_price', which can take its place");
    }

    #[test]
    fn a_column_named_twice_is_refused() {
        let known = rejection("id,name,category,price,supplier,price");
        assert_eq!((known.rule, known.column.unwrap().name), (Rule::DuplicateColumn, "price"));
        assert_eq!(known.text, "the header has two columns 'price'");
        let spelt = rejection("id,name,category,price,supplier,ID");
        assert_eq!(spelt.text, "the header has two columns for 'id': 'id' and 'ID'");
        let extra = rejection("id,name,category,price,supplier,x,x");
        assert_eq!(extra.text, "the header has two columns 'x'");
        let spelt = names("id,name,category,price,supplier,x,X");
        assert!(read(Dataset::Products, &spelt, &Form::Number).is_ok());
    }

    #[test]
    fn a_file_without_a_header_is_told_so_without_repeating_its_data() {
        let names = names("1,Ann,ann@x.org,2024-01-01,DE");
        let error = read(Dataset::Customers, &names, &Form::Number).unwrap_err();
        assert_eq!(error.rule, Rule::MissingHeader);
        assert!(!format!("{error:?}").contains("Ann"), "{error:?}");
    }

    #[test]
    fn a_header_in_other_words_is_told_which_are_meant() {
        let parts = ["rate_date", "currency"];
        let columns = Dataset::ExchangeRates.columns();
        let form =
            Form::Columns(columns.iter().filter(|column| parts.contains(&column.name)).collect());
        let read = |header: &str| read(Dataset::ExchangeRates, &names(header), &form);
        let rejection = read("date,code,value").unwrap_err();
        assert_eq!(rejection.rule, Rule::MissingColumn);
        assert_eq!(rejection.text, "the header lacks columns 'rate_date', 'currency', 'rate'");
        assert_eq!(
            rejection.remedy,
            "did you mean to call column 'date' 'rate_date', and to call column 'code' 'currency', \
             and to call column 'value' 'rate'?"
        );
        assert_eq!(read("day,XYZ,ABC").unwrap_err().rule, Rule::MissingHeader);
        assert_eq!(read("2026-11-27,USD,1.1601").unwrap_err().rule, Rule::MissingHeader);
        assert_eq!(read("Rate Date,Currency").unwrap_err().text, "the header lacks column 'rate'");
        assert_eq!(read("id,rate_date,currency,rate").unwrap_err().rule, Rule::DuplicateColumn);
        assert!(read("currency,rate,Rate-Date").is_ok());
    }

    #[test]
    fn sales_in_other_currencies_without_prices_are_told() {
        let read = |header: &str| read(Dataset::Transactions, &names(header), &Form::Number);
        let header = "id,product_id,quantity,timestamp,currency";
        let told = read(header).unwrap().told;
        assert!(told[0].contains("list prices are in the shop's currency"), "{told:?}");
        assert!(read(&format!("{header},unit_price")).unwrap().told.is_empty());
    }

    #[test]
    fn separators_behind_the_last_name_are_no_columns() {
        assert_eq!(named(&names("id,name,,")), 2);
        assert_eq!(named(&names("id,,name, ")), 3);
        assert_eq!(named(&names(",")), 2);
    }
}
