//! What gold may name: the configured words, and those that came in while others were configured.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use shopflow_core::Result;
use shopflow_core::vocabulary::{Vocabularies, Vocabulary};
use shopflow_postgres::{Database, PgResultExt};

/// The sets with a reference table. Gold is the whole history: a way to pay that the shop takes no
/// longer is no mistake there.
const TABLES: [(Vocabulary, &str); 2] = [
    (Vocabulary::Categories, "core.categories"),
    (Vocabulary::PaymentMethods, "core.payment_methods"),
];

/// The sets as parameters of suites over gold.
///
/// # Errors
/// `Transient.Database`.
pub async fn of_gold(database: &Database, sets: &Vocabularies) -> Result<Map<String, Value>> {
    let client = database.connect().await?;
    let mut parameters = sets.parameters();
    for (set, table) in TABLES {
        let rows = client.query(&format!("SELECT name FROM {table}"), &[]).await;
        let rows = rows.or_db("read names of the vocabulary")?;
        let names = sets.of(set).values().iter().cloned();
        let names: BTreeSet<String> = names.chain(rows.iter().map(|row| row.get(0))).collect();
        parameters.insert(set.name().to_owned(), names.into_iter().collect());
    }
    Ok(parameters)
}
