//! Names that are stored as the keys of their reference rows.
//!
//! `validate` decides which names come in; a name that has no row yet gets the next free key when
//! the encoder meets it, and its row before the rows that refer to it are checked. The lock on the
//! dataset keeps other loads from taking the same key.

use std::collections::HashMap;

use shopflow_core::vocabulary::{Terms, is_term};
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

/// Names and their keys.
#[derive(Debug, Clone, Default)]
pub struct Names {
    keys: HashMap<String, i16>,
    /// Names that came with the file, in the order of their keys.
    added: Vec<(String, i16)>,
    last: i16,
}

impl Names {
    /// The ways to pay, all configured ones among them.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn payment_methods(
        transaction: &Transaction<'_>,
        configured: &Terms,
    ) -> Result<Names> {
        let mut names = Names::read(transaction).await?;
        let missing: Vec<&str> = configured
            .values()
            .iter()
            .map(String::as_str)
            .filter(|name| !names.keys.contains_key(*name))
            .collect();
        if missing.is_empty() {
            return Ok(names);
        }
        transaction
            .execute(
                "INSERT INTO core.payment_methods (name) SELECT unnest($1::text[])",
                &[&missing],
            )
            .await
            .or_db("add payment methods")?;
        names = Names::read(transaction).await?;
        Ok(names)
    }

    async fn read(transaction: &Transaction<'_>) -> Result<Names> {
        let rows = transaction
            .query("SELECT name, payment_method_id FROM core.payment_methods", &[])
            .await
            .or_db("read payment methods")?;
        let keys: HashMap<String, i16> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let last = keys.values().copied().max().unwrap_or(0);
        Ok(Names { keys, added: Vec::new(), last })
    }

    /// True when there are no names, as for datasets whose names are staged as text.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of a name; `None` for what is no name or when there are no more keys.
    pub fn key(&mut self, name: &str) -> Option<i16> {
        match self.keys.get(name) {
            Some(key) => Some(*key),
            None => self.add(name),
        }
    }

    #[cold]
    fn add(&mut self, name: &str) -> Option<i16> {
        if !is_term(name.as_bytes()) {
            return None;
        }
        self.last = self.last.checked_add(1)?;
        self.keys.insert(name.to_owned(), self.last);
        self.added.push((name.to_owned(), self.last));
        Some(self.last)
    }

    /// Writes the rows of the names that came with the file.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn write_added(&self, transaction: &Transaction<'_>) -> Result<()> {
        if self.added.is_empty() {
            return Ok(());
        }
        let (names, keys): (Vec<&str>, Vec<i16>) =
            self.added.iter().map(|(name, key)| (name.as_str(), *key)).unzip();
        let written = transaction
            .execute(
                "INSERT INTO core.payment_methods (payment_method_id, name) \
                 OVERRIDING SYSTEM VALUE \
                 SELECT * FROM unnest($1::smallint[], $2::text[])",
                &[&keys, &names],
            )
            .await
            .or_db("add new payment methods")?;
        if written != names.len() as u64 {
            return Err(Error::internal("new payment methods are missing").with("written", written));
        }
        // The identity goes on behind the keys that were taken without it.
        transaction
            .execute(
                "SELECT setval(pg_get_serial_sequence('core.payment_methods', \
                     'payment_method_id'), $1::bigint)",
                &[&i64::from(self.last)],
            )
            .await
            .or_db("advance the keys of payment methods")?;
        tracing::info!(names = names.len(), "payment methods are new");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_gets_the_next_key_and_keeps_it() {
        let keys = HashMap::from([("paypal".to_owned(), 3), ("cash".to_owned(), 1)]);
        let mut names = Names { keys, added: Vec::new(), last: 3 };
        assert_eq!(names.key("paypal"), Some(3));
        assert_eq!(names.key("cheque"), Some(4));
        assert_eq!(names.key("klarna"), Some(5));
        assert_eq!(names.key("cheque"), Some(4));
        assert_eq!(names.added, [("cheque".to_owned(), 4), ("klarna".to_owned(), 5)]);
        assert_eq!(names.key(" "), None);
        names.last = i16::MAX;
        assert_eq!(names.key("one too many"), None);
    }
}
