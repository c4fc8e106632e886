//! Which dataset a file is of, by its first line.

use shopflow_core::dataset::{Column, Format, Kind};
use shopflow_core::natural_key;
use shopflow_core::{Dataset, header, rates};

/// The dataset whose required columns a header has.
pub fn dataset(header: &str) -> Option<Dataset> {
    if header.starts_with('{') {
        let has_id =
            |dataset: &Dataset| header.contains(&format!("\"{}\"", dataset.id_column().name));
        return Dataset::all().filter(|dataset| dataset.format() == Format::JsonLines).find(has_id);
    }
    if rates::is_table(header) {
        return Some(Dataset::ExchangeRates);
    }
    let columns: Vec<&str> = header
        .trim_start_matches('\u{feff}')
        .split(',')
        .map(|column| column.trim().trim_matches('"'))
        .collect();
    let has = |column: &&Column| columns.iter().any(|name| header::means(name, column));
    // What nobody refers to, such as a sale, may be identified by other columns than its id.
    let is_needed = |column: &&Column, dataset: Dataset| {
        let may_lack_id = !natural_key::is_referred_to(dataset) && column.kind == Kind::Id;
        column.required && !may_lack_id
    };
    let may_be = |dataset: &Dataset| {
        let mut needed = dataset.columns().iter().filter(|column| is_needed(column, *dataset));
        // A file with as many other columns is one of something else: stores have names, too.
        let own = dataset.columns().iter().filter(has).count();
        let is_own = own * 2 > columns.len();
        dataset.format() == Format::Csv && needed.all(|column| has(&column)) && is_own
    };
    // Few columns are required: a file of products has those of customers too. The one with most in
    // common is meant, the first of several.
    Dataset::all()
        .filter(may_be)
        .rev()
        .max_by_key(|dataset| dataset.columns().iter().filter(has).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_something_else_is_none_of_ours() {
        assert_eq!(dataset("id,name"), Some(Dataset::Customers));
        assert_eq!(dataset("ID,Name,opened_at,tax_rate"), None);
        assert_eq!(dataset("order_id,line,quantity,timestamp"), Some(Dataset::Transactions));
        assert_eq!(dataset("_id,_name"), None);
        assert_eq!(dataset("{\"event_id\": 1}"), Some(Dataset::Clickstream));
        assert_eq!(dataset("{\"id\": 1}"), None);
    }

    #[test]
    fn rates_and_payments_are_known_with_and_without_an_id() {
        for header in ["rate_date,currency,rate", "Date,USD,JPY,BGN,", "Date, USD, JPY, "] {
            assert_eq!(dataset(header), Some(Dataset::ExchangeRates), "{header}");
        }
        for header in ["order_id,sequence,amount", "id,order_id,amount,currency,payment_date"] {
            assert_eq!(dataset(header), Some(Dataset::Payments), "{header}");
        }
        assert_eq!(dataset("date,open,close"), None);
        assert_eq!(dataset("date"), None);
    }
}
