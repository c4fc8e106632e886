//! What people know rows by: where a key is a text or several columns, its number has nineteen digits
//! that nobody has seen before. Reports, alerts and pages name such rows by their key, where that may
//! be shown ([`ShownKeys`]).

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::natural_key::{NATURAL_KEY, NaturalKeys, ShownKeys};
use shopflow_core::privacy::Privacy;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::{ToSql, Type};

/// Rows by dataset and id.
pub type Rows = BTreeSet<(Dataset, i64)>;
/// Their keys.
pub type Keys = BTreeMap<(Dataset, i64), String>;

/// Reads the keys that may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownAs(ShownKeys);

impl KnownAs {
    /// Under these policies, with keys in these forms.
    pub fn new(privacy: &Privacy, forms: &NaturalKeys) -> KnownAs {
        KnownAs(ShownKeys::new(privacy, forms))
    }

    /// True for a row that has a number made of its key, if that may be shown.
    pub fn shows(&self, dataset: Dataset, id: i64) -> bool {
        self.0.shows(dataset, id)
    }

    /// The keys of `rows`, where they have one that may be shown. Nothing is asked where none has.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when the schema is not as expected.
    pub async fn keys(&self, client: &Client, rows: &Rows) -> Result<Keys> {
        let mut keys = Keys::new();
        for dataset in self.0.datasets() {
            let of_dataset = rows.iter().filter(|(of, id)| *of == dataset && self.shows(*of, *id));
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
            keys.extend(found.iter().map(|row| ((dataset, row.get(0)), row.get(1))));
        }
        Ok(keys)
    }
}
