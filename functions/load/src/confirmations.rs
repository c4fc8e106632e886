//! Rows that a later source repeats are confirmed, not rewritten: `core.confirmations` holds the
//! ids as ranges. Ids that lie anywhere make no ranges; where a file repeats all that another one has
//! brought, `core.confirmed_sources` says so in one row. See docs/decisions/0010-confirmations.md for
//! why that is right.

use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;

use crate::indexes::ROW_BYTES;

/// Ranges, or single ids, that are kept here before they go to the database.
const PENDING: usize = 8192;
/// Rows of the table that are counted in the time it takes to store one range.
const ROWS_PER_RANGE: i64 = 64;

/// Collects ids into ranges, and those that lie anywhere with the sources of their rows.
#[derive(Debug, Default)]
pub struct Confirmations {
    open: Option<(i64, i64)>,
    /// Nothing is stored between the end of the open range and the next id.
    bridged: bool,
    pending: Vec<(i64, i64)>,
    /// Ranges that were handed over, and whether there is a table for them.
    ranges: u64,
    is_ready: bool,
    /// Ids and sources that wait.
    single: Vec<(i64, i32)>,
    /// Ids that were handed over.
    singles: u64,
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

    /// Adds an id that lies anywhere, and the source of its row.
    pub fn add_single(&mut self, id: i64, source_id: i32) {
        self.single.push((id, source_id));
    }

    /// Hands over what has become much.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn flush(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if self.single.len() >= PENDING {
            self.send_single(transaction).await?;
        }
        if self.pending.len() >= PENDING {
            self.send(transaction).await?;
        }
        Ok(())
    }

    async fn send_single(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if self.singles == 0 {
            transaction
                .batch_execute(
                    "CREATE TEMPORARY TABLE single (id bigint NOT NULL, \
                         source_id integer NOT NULL) ON COMMIT DROP",
                )
                .await
                .or_db("create table of confirmed ids")?;
        }
        let (ids, sources): (Vec<i64>, Vec<i32>) = self.single.drain(..).unzip();
        self.singles += ids.len() as u64;
        transaction
            .execute(
                "INSERT INTO pg_temp.single SELECT * FROM unnest($1::bigint[], $2::integer[])",
                &[&ids, &sources],
            )
            .await
            .or_db("collect confirmed ids")?;
        Ok(())
    }

    async fn prepare(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if self.is_ready {
            return Ok(());
        }
        self.is_ready = true;
        let table = "CREATE TEMPORARY TABLE confirmed (first_id bigint NOT NULL, \
             last_id bigint NOT NULL) ON COMMIT DROP";
        transaction.batch_execute(table).await.or_db("create table of confirmations")
    }

    async fn send(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        self.prepare(transaction).await?;
        self.ranges += self.pending.len() as u64;
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

    /// Stores the ranges for `source_id`, neighbours as one, and the sources that it repeats, and
    /// removes those of sources before it that they cover: whatever row those count for, the new ones
    /// count for as well. The rows of the file must be written: what it changes is no longer that of
    /// another source.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn finish(mut self, transaction: &Transaction<'_>, source_id: i32) -> Result<()> {
        if !self.single.is_empty() {
            self.send_single(transaction).await?;
        }
        if self.singles > 0 {
            self.finish_single(transaction, source_id).await?;
        }
        self.pending.extend(self.open.take());
        if !self.pending.is_empty() {
            self.send(transaction).await?;
        }
        if self.ranges == 0 {
            return Ok(());
        }
        transaction.execute(STORE, &[&source_id]).await.or_db("store confirmations")?;
        transaction.execute(FORGET, &[&source_id]).await.or_db("forget old confirmations")?;
        Ok(())
    }

    /// Stores the sources of which the file repeats every row; the other ids become ranges.
    async fn finish_single(&mut self, transaction: &Transaction<'_>, source_id: i32) -> Result<()> {
        let counted = (self.singles as i64).saturating_mul(ROWS_PER_RANGE * ROW_BYTES);
        let whole = transaction
            .execute(STORE_SOURCES, &[&source_id, &counted])
            .await
            .or_db("store confirmed sources")?;
        if whole > 0 {
            transaction
                .execute(FORGET_SOURCES, &[&source_id])
                .await
                .or_db("forget confirmed sources")?;
        }
        self.prepare(transaction).await?;
        let left = transaction.execute(LEFT, &[&source_id]).await.or_db("collect confirmations")?;
        self.ranges += left;
        tracing::info!(sources = whole, ids = left, "ids that lie anywhere were confirmed");
        Ok(())
    }
}

/// Counts the rows of each source, unless the table is that much larger than the file.
const STORE_SOURCES: &str = "\
    INSERT INTO core.confirmed_sources (source_id, confirmed_source_id) \
    SELECT $1, found.source_id \
    FROM (SELECT source_id, count(*) AS rows FROM pg_temp.single GROUP BY source_id) AS found \
    JOIN (SELECT source_id, count(*) AS rows FROM core.transactions \
          WHERE (SELECT pg_relation_size('core.transactions') <= $2) GROUP BY source_id) AS stored \
        USING (source_id, rows) \
    ORDER BY 2";

const FORGET_SOURCES: &str = "\
    DELETE FROM core.confirmed_sources c \
    USING core.sources was, core.sources now, core.confirmed_sources n \
    WHERE now.source_id = $1 AND was.source_id = c.source_id AND was.dataset = now.dataset \
        AND was.source_id < now.source_id \
        AND (was.effective_at, was.modified_at, was.version_id COLLATE \"C\") \
            <= (now.effective_at, now.modified_at, now.version_id COLLATE \"C\") \
        AND n.source_id = $1 AND n.confirmed_source_id = c.confirmed_source_id";

const LEFT: &str = "\
    INSERT INTO pg_temp.confirmed \
    SELECT id, id FROM pg_temp.single s \
    WHERE NOT EXISTS (SELECT FROM core.confirmed_sources c \
        WHERE c.source_id = $1 AND c.confirmed_source_id = s.source_id) \
    ORDER BY id";

/// Ranges that follow each other directly share the difference between where they begin and how
/// many ids come before them.
const STORE: &str = "\
    INSERT INTO core.confirmations (source_id, first_id, last_id) \
    SELECT $1, min(first_id), max(last_id) FROM ( \
        SELECT first_id, last_id, first_id - coalesce(sum(last_id - first_id + 1) OVER ( \
            ORDER BY first_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS island \
        FROM (SELECT DISTINCT first_id, last_id FROM pg_temp.confirmed) AS ranges) AS islands \
    GROUP BY island ORDER BY 2";

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
