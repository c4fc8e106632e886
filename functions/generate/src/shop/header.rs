//! The columns of the files.

use shopflow_core::Dataset;
use shopflow_core::contract::Profile;
use shopflow_core::dataset::Column;
use shopflow_core::natural_key::NATURAL_KEY;

use super::rates;

/// What the products of the full profile have besides.
const OF_FULL_PRODUCTS: [&str; 1] = ["cost"];
/// What the sales of the full profile have besides, in the order in which they are written.
const OF_FULL_SALES: [&str; 8] =
    ["order_id", "line", "unit_price", "discount", "status", "tax", "shipping", "currency"];

/// The columns of a file of a dataset: what came later is optional, and usual files have none of
/// it. Rates are those of the European Central Bank, in columns of its own.
pub fn columns(dataset: Dataset, profile: Profile) -> Vec<&'static str> {
    let named = |is: fn(&Column) -> bool| -> Vec<&'static str> {
        dataset.columns().iter().filter(|column| is(column)).map(|column| column.name).collect()
    };
    match dataset {
        Dataset::ExchangeRates => rates::columns(),
        Dataset::Payments => named(|column| column.name != NATURAL_KEY),
        _ => {
            let mut names = named(Column::is_usual);
            names.extend(besides(dataset, profile));
            names
        }
    }
}

fn besides(dataset: Dataset, profile: Profile) -> &'static [&'static str] {
    match (dataset, profile) {
        (Dataset::Products, Profile::Full) => &OF_FULL_PRODUCTS,
        (Dataset::Transactions, Profile::Full) => &OF_FULL_SALES,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_full_files_have_besides_is_optional() {
        for dataset in [Dataset::Products, Dataset::Transactions] {
            for name in besides(dataset, Profile::Full) {
                let mut columns = dataset.columns().iter();
                let column = columns.find(|column| column.name == *name);
                assert!(column.is_some_and(|column| !column.is_usual()), "{dataset} {name}");
            }
        }
    }

    #[test]
    fn the_full_profile_has_the_columns_of_the_usual_one_and_its_own_behind_them() {
        for dataset in crate::DATASETS {
            let [usual, full] = Profile::ALL.map(|profile| columns(dataset, profile));
            let has_more = [Dataset::Products, Dataset::Transactions].contains(&dataset);
            assert_eq!(usual == full, !has_more, "{dataset}");
            assert!(full.starts_with(&usual), "{dataset}");
        }
    }

    #[test]
    fn payments_and_rates_have_their_columns_in_the_order_in_which_they_are_written() {
        let header = |dataset| columns(dataset, Profile::Full).join(",");
        assert_eq!(
            header(Dataset::Payments),
            "id,order_id,sequence,payment_method,amount,currency,payment_date"
        );
        assert_eq!(header(Dataset::ExchangeRates), "Date,USD,JPY,GBP,CHF,HRK,");
    }
}
