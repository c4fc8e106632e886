//! The columns of the files.

use shopflow_core::Dataset;
use shopflow_core::contract::Profile;

/// What the sales of the full profile have besides, in the order in which they are written.
const OF_FULL_SALES: [&str; 5] = ["order_id", "line", "unit_price", "discount", "status"];

/// The columns of a file of a dataset: what came later is optional, and usual files have none of
/// it.
pub fn columns(dataset: Dataset, profile: Profile) -> Vec<&'static str> {
    let usual = dataset.columns().iter().filter(|column| column.is_usual());
    let mut names: Vec<&str> = usual.map(|column| column.name).collect();
    if dataset == Dataset::Transactions && profile == Profile::Full {
        names.extend(OF_FULL_SALES);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_full_sales_have_besides_is_optional() {
        for name in OF_FULL_SALES {
            let mut columns = Dataset::Transactions.columns().iter();
            let column = columns.find(|column| column.name == name);
            assert!(column.is_some_and(|column| !column.is_usual()), "{name}");
        }
    }

    #[test]
    fn the_full_profile_changes_no_other_file() {
        for dataset in crate::DATASETS {
            let [usual, full] = Profile::ALL.map(|profile| columns(dataset, profile));
            assert_eq!(usual == full, dataset != Dataset::Transactions, "{dataset}");
            assert!(full.starts_with(&usual), "{dataset}");
        }
    }
}
