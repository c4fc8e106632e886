//! What people know rows by: where a key is a text or several columns, its number has nineteen digits
//! that nobody has seen before. Reports, alerts and pages name such rows by their key.
//!
//! A key that is confidential is not shown, nor one that is made of a column that is: a customer is
//! known by the number alone, as everywhere behind `core`.

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::dataset::Column;
use shopflow_core::natural_key::{Form, LARGEST_NUMBER, NATURAL_KEY, NaturalKeys};
use shopflow_core::privacy::Privacy;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::{Client, PgResultExt};
use shopflow_privacy::Class;
use tokio_postgres::types::{ToSql, Type};

/// Rows by dataset and id.
pub type Rows = BTreeSet<(Dataset, i64)>;
/// Their keys.
pub type Keys = BTreeMap<(Dataset, i64), String>;

/// Whose keys may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownAs(BTreeSet<Dataset>);

impl KnownAs {
    /// Those whose keys, and what they are made of, are no more than internal.
    pub fn new(privacy: &Privacy, forms: &NaturalKeys) -> KnownAs {
        let is_open = |dataset: Dataset, column: &Column| {
            privacy.decide(dataset, column).class <= Class::Internal
        };
        let shown = Dataset::all().filter(|dataset| {
            let Some(key) = dataset.definition().column(NATURAL_KEY) else { return false };
            let parts = match forms.of(*dataset) {
                Form::Columns(parts) => parts,
                Form::Number | Form::Text => Vec::new(),
            };
            is_open(*dataset, key) && parts.into_iter().all(|part| is_open(*dataset, part))
        });
        KnownAs(shown.collect())
    }

    /// True for a row that has a number made of its key, if that may be shown.
    pub fn shows(&self, dataset: Dataset, id: i64) -> bool {
        id > LARGEST_NUMBER as i64 && self.0.contains(&dataset)
    }

    /// The keys of `rows`, where they have one that may be shown. Nothing is asked where none has.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when the schema is not as expected.
    pub async fn keys(&self, client: &Client, rows: &Rows) -> Result<Keys> {
        let mut keys = Keys::new();
        for dataset in &self.0 {
            let of_dataset = rows.iter().filter(|(of, id)| of == dataset && self.shows(*of, *id));
            let ids: Vec<i64> = of_dataset.map(|(_, id)| *id).collect();
            if ids.is_empty() {
                continue;
            }
            let sql = format!(
                "SELECT id, {NATURAL_KEY} FROM core.{dataset} \
                 WHERE id = ANY($1) AND {NATURAL_KEY} IS NOT NULL"
            );
            let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&ids, Type::INT8_ARRAY)];
            let found = client.query_typed(&sql, &parameters).await.or_db("read natural keys")?;
            keys.extend(found.iter().map(|row| ((*dataset, row.get(0)), row.get(1))));
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use shopflow_core::Settings;

    use super::*;

    fn known_as(variables: &[(&str, &str)]) -> KnownAs {
        let name = |name: &str| format!("SHOPFLOW__{name}");
        let variables: HashMap<String, String> =
            variables.iter().map(|(of, value)| (name(of), (*value).to_owned())).collect();
        let settings = Settings::from_sources("prod", variables, &[]).unwrap();
        KnownAs::new(&settings.privacy, &settings.natural_keys)
    }

    #[test]
    fn keys_of_customers_and_what_is_made_of_them_are_not_shown() {
        let made = 1 << 62;
        let usual = known_as(&[]);
        assert!(usual.shows(Dataset::Products, made));
        assert!(usual.shows(Dataset::Transactions, made));
        assert!(!usual.shows(Dataset::Customers, made));
        assert!(!usual.shows(Dataset::Clickstream, made));
        assert!(!usual.shows(Dataset::Products, made - 1), "that is a number of the shop's own");

        let by_order = known_as(&[("NATURAL_KEYS__TRANSACTIONS", "order_id, product_id")]);
        assert!(by_order.shows(Dataset::Transactions, made));
        let by_customer = known_as(&[("NATURAL_KEYS__TRANSACTIONS", "customer_id, line")]);
        assert!(!by_customer.shows(Dataset::Transactions, made));
    }
}
