//! Rows that a later source repeats are confirmed, not rewritten: `core.confirmations` holds the
//! ids as ranges. See docs/decisions/0010-confirmations.md for why that is right.

use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

/// Ranges that are kept here before they go to the database.
const PENDING: usize = 8192;

/// Collects ids into ranges.
#[derive(Debug, Default)]
pub struct Confirmations {
    open: Option<(i64, i64)>,
    /// Nothing is stored between the end of the open range and the next id.
    bridged: bool,
    pending: Vec<(i64, i64)>,
    any: bool,
}

impl Confirmations {
    /// Adds an id. It continues the open range if it follows directly, or if all that is stored in
    /// between is known and is nothing.
    pub fn add(&mut self, id: i64) {
        self.open = match self.open {
            Some((first, last)) if id == last + 1 || (self.bridged && id > last) => {
                Some((first, id))
            }
            done => {
                self.pending.extend(done);
                Some((id, id))
            }
        };
        self.bridged = true;
    }

    /// Something else may be stored behind the last id.
    pub fn interrupt(&mut self) {
        self.bridged = false;
    }

    /// Hands the ranges over if they have become many.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn flush(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if self.pending.len() < PENDING { Ok(()) } else { self.send(transaction).await }
    }

    async fn send(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if !self.any {
            transaction
                .batch_execute(
                    "CREATE TEMPORARY TABLE confirmed (first_id bigint NOT NULL, \
                         last_id bigint NOT NULL) ON COMMIT DROP",
                )
                .await
                .or_db("create table of confirmations")?;
            self.any = true;
        }
        let (first, last): (Vec<i64>, Vec<i64>) = self.pending.drain(..).unzip();
        transaction
            .execute(
                "INSERT INTO pg_temp.confirmed SELECT * FROM unnest($1::bigint[], $2::bigint[])",
                &[&first, &last],
            )
            .await
            .or_db("collect confirmations")?;
        Ok(())
    }

    /// Stores the ranges for `source_id`, neighbours as one, and removes those of sources before
    /// it that they cover: whatever row those count for, the new ones count for as well.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn finish(mut self, transaction: &Transaction<'_>, source_id: i32) -> Result<()> {
        self.pending.extend(self.open.take());
        if !self.pending.is_empty() {
            self.send(transaction).await?;
        }
        if !self.any {
            return Ok(());
        }
        transaction.execute(STORE, &[&source_id]).await.or_db("store confirmations")?;
        transaction.execute(FORGET, &[&source_id]).await.or_db("forget old confirmations")?;
        Ok(())
    }
}

/// Ranges that follow each other directly share the difference between where they begin and how
/// many ids come before them.
const STORE: &str = "\
    INSERT INTO core.confirmations (source_id, first_id, last_id) \
    SELECT $1, min(first_id), max(last_id) FROM ( \
        SELECT first_id, last_id, first_id - coalesce(sum(last_id - first_id + 1) OVER ( \
            ORDER BY first_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS island \
        FROM (SELECT DISTINCT first_id, last_id FROM pg_temp.confirmed) AS ranges) AS islands \
    GROUP BY island";

const FORGET: &str = "\
    DELETE FROM core.confirmations c USING core.sources was, core.sources now \
    WHERE now.source_id = $1 AND was.source_id = c.source_id AND was.dataset = now.dataset \
        AND was.source_id < now.source_id \
        AND (was.effective_at, was.modified_at, was.version_id COLLATE \"C\") \
            <= (now.effective_at, now.modified_at, now.version_id COLLATE \"C\") \
        AND EXISTS (SELECT 1 FROM ( \
                SELECT n.last_id FROM core.confirmations n \
                WHERE n.source_id = $1 AND n.first_id <= c.first_id \
                ORDER BY n.first_id DESC LIMIT 1) AS covering \
            WHERE covering.last_id >= c.last_id)";

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(confirmations: Confirmations) -> Vec<(i64, i64)> {
        confirmations.pending.into_iter().chain(confirmations.open).collect()
    }

    #[test]
    fn ids_in_a_row_and_over_empty_gaps_become_one_range() {
        let mut found = Confirmations::default();
        for id in [1, 2, 5, 9] {
            found.add(id);
        }
        assert_eq!(ranges(found), [(1, 9)]);
    }

    #[test]
    fn a_range_ends_before_ids_that_are_stored_or_unknown() {
        let mut found = Confirmations::default();
        found.add(1);
        found.interrupt();
        found.add(3);
        found.interrupt();
        found.add(4);
        found.add(2);
        assert_eq!(ranges(found), [(1, 1), (3, 4), (2, 2)]);
    }
}
