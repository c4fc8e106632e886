//! Whose keys people may see in the place of the numbers made of them.
//!
//! A key that is confidential is not shown, nor one that is made of a column that is: a customer is
//! known by the number alone, as everywhere behind `core`.

use std::collections::BTreeSet;

use shopflow_privacy::Class;

use super::{Form, LARGEST_NUMBER, NATURAL_KEY, NaturalKeys};
use crate::dataset::{Column, Dataset};
use crate::privacy::Privacy;

/// The datasets whose keys may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShownKeys(BTreeSet<Dataset>);

impl ShownKeys {
    /// Those whose keys, and what they are made of, are no more than internal.
    pub fn new(privacy: &Privacy, forms: &NaturalKeys) -> ShownKeys {
        let is_open = |dataset: Dataset, column: &Column| {
            privacy.decide(dataset, column).class <= Class::Internal
        };
        let shown = Dataset::all().filter(|dataset| {
            let Some(key) = dataset.definition().column(NATURAL_KEY) else { return false };
            let parts = match forms.of(*dataset) {
                Form::Columns(parts) => parts,
                // Files have the key in the place of the id.
                Form::Text => vec![dataset.id_column()],
                Form::Number => Vec::new(),
            };
            is_open(*dataset, key) && parts.into_iter().all(|part| is_open(*dataset, part))
        });
        ShownKeys(shown.collect())
    }

    /// The datasets, in their order.
    pub fn datasets(&self) -> impl Iterator<Item = Dataset> {
        self.0.iter().copied()
    }

    /// True for a row that has a number made of its key, if that may be shown.
    pub fn shows(&self, dataset: Dataset, id: i64) -> bool {
        id > LARGEST_NUMBER as i64 && self.0.contains(&dataset)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MADE: i64 = 1 << 62;

    fn usual() -> crate::Settings {
        crate::Settings::from_sources("prod", Default::default(), &[]).unwrap()
    }

    fn forms(lines: serde_json::Value) -> NaturalKeys {
        serde_json::from_value(lines).unwrap()
    }

    /// Policies under which a column is what a shop declares it to be.
    fn declared(column: &str, class: &str) -> Privacy {
        let layers =
            |logs: &str| json!({"bronze": "keep", "silver": "keep", "gold": "keep", "logs": logs});
        let privacy: Privacy = serde_json::from_value(json!({
            "kinds": {"customer_id": "internal", "session_id": "internal", "url": "internal"},
            "other_kinds": "confidential",
            "columns": {column: class},
            "treatments": {
                "public": layers("keep"), "internal": layers("keep"),
                "confidential": layers("redact"),
                "restricted": {"bronze": "keep", "silver": "redact", "gold": "drop", "logs": "drop"},
            },
        }))
        .unwrap();
        assert_eq!(privacy.problems(), Vec::<String>::new());
        privacy
    }

    #[test]
    fn keys_of_customers_and_what_is_made_of_them_are_not_shown() {
        let settings = usual();
        let shown = ShownKeys::new(&settings.privacy, &settings.natural_keys);
        assert!(shown.shows(Dataset::Products, MADE));
        assert!(shown.shows(Dataset::Transactions, MADE));
        assert!(!shown.shows(Dataset::Customers, MADE));
        assert!(!shown.shows(Dataset::Clickstream, MADE));
        assert!(!shown.shows(Dataset::Products, MADE - 1), "that is a number of the shop's own");

        let keyed = |parts: &str| {
            let forms = forms(json!({"transactions": parts}));
            ShownKeys::new(&settings.privacy, &forms).shows(Dataset::Transactions, MADE)
        };
        assert!(keyed("order_id, product_id"));
        assert!(!keyed("customer_id, line"));
    }

    #[test]
    fn a_shop_that_declares_a_key_or_a_part_of_it_confidential_does_not_see_it() {
        let texts = forms(json!({"products": "text", "transactions": "order_id, line"}));
        for (column, products, transactions) in [
            ("products.category", true, true),
            ("products.natural_key", false, true),
            ("products.id", false, true),
            ("transactions.natural_key", true, false),
            ("transactions.order_id", true, false),
        ] {
            let shown = ShownKeys::new(&declared(column, "confidential"), &texts);
            let found = [Dataset::Products, Dataset::Transactions].map(|of| shown.shows(of, MADE));
            assert_eq!(found, [products, transactions], "{column}");
            let shown = ShownKeys::new(&declared(column, "internal"), &texts);
            let found = [Dataset::Products, Dataset::Transactions].map(|of| shown.shows(of, MADE));
            assert_eq!(found, [true, true], "{column}");
        }
    }
}
