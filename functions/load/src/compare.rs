//! Compares a file of transactions with the table, chunk by chunk, and stages only the rows that
//! make a difference. A file that repeats what is stored is read once and writes next to nothing.
//!
//! A chunk is first compared as a whole: the server answers with the number of its rows in the range
//! of ids and the exclusive or of their hashes, which cover every column, the id included. If both
//! are the file's, so are the rows, as surely as one equal hash means one equal row: the chance of
//! the opposite is 2⁻⁶⁴. Else the rows are compared one by one.

use std::collections::{BTreeSet, HashSet};
use std::pin::pin;

use bytes::{BufMut, BytesMut};
use futures::{SinkExt, TryStreamExt};
use shopflow_core::contract::ManifestEntry;
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Statement, Transaction};

use crate::chunks::Chunk;
use crate::confirmations::Confirmations;
use crate::encode::{HEADER, TRAILER};
use crate::references::References;
use crate::source::NotEarlier;

/// Ids this close together are asked for as a range, others one by one.
const DENSITY: i64 = 4;

/// Rows stored in a range of ids, the exclusive or of their hashes, and how many are from sources
/// that are not earlier than the file's.
const DIGEST: &str = "\
    SELECT count(*), coalesce(bit_xor(row_hash), 0), count(*) FILTER (WHERE source_id = ANY($3)) \
    FROM core.transactions WHERE id BETWEEN $1 AND $2";

/// What a file turned out to hold.
#[derive(Debug)]
pub struct Findings {
    /// Ids nobody knew.
    pub new: u64,
    /// Later content that differs.
    pub updated: u64,
    /// Other content from an earlier source: the stored row stays, but the lake needs to know.
    pub lost: u64,
    /// UTC days of the new rows, in days since 2000-01-01.
    pub new_days: BTreeSet<i32>,
    /// What the staged rows refer to.
    pub references: References,
}

/// What becomes of a row; the staged ones carry the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    New = b'n' as isize,
    Update = b'u' as isize,
    Lose = b'l' as isize,
}

/// A row to stage, by its position in the chunk.
type Staged = (usize, Action);
/// A row that differs: its place among the staged ones, and among the stored ones.
type Differing = (usize, usize);

struct Stored {
    id: i64,
    hash: i64,
    source_id: i32,
}

/// The comparison of one file.
pub struct Comparison<'a> {
    transaction: &'a Transaction<'a>,
    not_earlier: NotEarlier,
    confirmations: Confirmations,
    findings: Findings,
    digest: Statement,
    range: Statement,
    list: Statement,
    copy: Statement,
    out: BytesMut,
    /// The latest chunk made no difference, so the next may make none either.
    repeats: bool,
}

impl<'a> Comparison<'a> {
    /// Prepares the comparison of a file; rows are staged by `copy`.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn new(
        transaction: &'a Transaction<'a>,
        entry: &ManifestEntry,
        copy: &str,
    ) -> Result<Self> {
        let select = "SELECT id, row_hash, source_id FROM core.transactions WHERE";
        let prepare = async |statement: String| {
            transaction.prepare(&statement).await.or_db("prepare comparison")
        };
        Ok(Comparison {
            transaction,
            not_earlier: NotEarlier::than(transaction, entry).await?,
            confirmations: Confirmations::default(),
            findings: Findings {
                new: 0,
                updated: 0,
                lost: 0,
                new_days: BTreeSet::new(),
                references: References::of(entry.dataset),
            },
            digest: prepare(DIGEST.to_owned()).await?,
            range: prepare(format!("{select} id BETWEEN $1 AND $2 ORDER BY id")).await?,
            list: prepare(format!("{select} id = ANY($1) ORDER BY id")).await?,
            copy: prepare(copy.to_owned()).await?,
            out: BytesMut::new(),
            repeats: true,
        })
    }

    /// Compares the rows of a chunk.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    pub async fn add(&mut self, chunk: &Chunk) -> Result<()> {
        let mut order: Vec<usize> = (0..chunk.keys.len()).collect();
        if !chunk.keys.is_sorted_by_key(|key| key.id) {
            order.sort_unstable_by_key(|index| chunk.keys[*index].id);
        }
        let (Some(first), Some(last)) = (order.first(), order.last()) else { return Ok(()) };
        let (first, last) = (chunk.keys[*first].id, chunk.keys[*last].id);
        let dense = last.saturating_sub(first) <= DENSITY * order.len() as i64;
        if !(self.repeats && dense && self.repeat(chunk, &order, (first, last)).await?) {
            let stored = self.stored(chunk, dense.then_some((first, last))).await?;
            let (mut staged, differing) = self.match_up(chunk, &order, &stored, dense);
            self.repeats = staged.is_empty();
            self.lose_to_confirmed(&mut staged, &differing, &stored).await?;
            self.stage(chunk, &staged).await?;
        }
        self.confirmations.flush(self.transaction).await
    }

    /// What was found, and what is to be stored as confirmed once the rows are written.
    pub fn finish(self) -> (Findings, Confirmations) {
        (self.findings, self.confirmations)
    }

    /// True when the chunk holds exactly what is stored between its first and last id, which is
    /// then confirmed as far as it comes from earlier sources. False when that cannot be said of
    /// the chunk as a whole.
    async fn repeat(
        &mut self,
        chunk: &Chunk,
        order: &[usize],
        (first, last): (i64, i64),
    ) -> Result<bool> {
        let not_earlier = self.not_earlier.all();
        let parameters: [&(dyn ToSql + Sync); 3] = [&first, &last, &not_earlier];
        let row = self.transaction.query_one(&self.digest, &parameters).await;
        let row = row.or_db("compare chunk")?;
        let (rows, digest, kept): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        let same = usize::try_from(rows) == Ok(order.len())
            && digest == chunk.keys.iter().fold(0, |all, key| all ^ key.hash);
        if !same || (kept != 0 && kept != rows) {
            return Ok(false);
        }
        self.confirmations.interrupt();
        if kept == 0 {
            order.iter().for_each(|index| self.confirmations.add(chunk.keys[*index].id));
        }
        Ok(true)
    }

    /// The stored rows the chunk is compared with, by id.
    async fn stored(&self, chunk: &Chunk, range: Option<(i64, i64)>) -> Result<Vec<Stored>> {
        let ids: Vec<i64>;
        let (statement, parameters): (_, Vec<&(dyn ToSql + Sync)>) = match &range {
            Some((first, last)) => (&self.range, vec![first, last]),
            None => {
                ids = chunk.keys.iter().map(|key| key.id).collect();
                (&self.list, vec![&ids])
            }
        };
        let rows = self.transaction.query_raw(statement, parameters).await.or_db("compare rows")?;
        let mut rows = pin!(rows);
        let mut stored = Vec::with_capacity(chunk.keys.len());
        while let Some(row) = rows.try_next().await.or_db("compare rows")? {
            stored.push(Stored { id: row.get(0), hash: row.get(1), source_id: row.get(2) });
        }
        Ok(stored)
    }

    /// The rows to stage, and those of them that differ from a stored row of no later source.
    fn match_up(
        &mut self,
        chunk: &Chunk,
        order: &[usize],
        stored: &[Stored],
        dense: bool,
    ) -> (Vec<Staged>, Vec<Differing>) {
        let (mut staged, mut differing) = (Vec::new(), Vec::new());
        let mut at = 0;
        let mut matched = false;
        self.confirmations.interrupt();
        for index in order {
            let key = &chunk.keys[*index];
            while stored.get(at).is_some_and(|row| row.id < key.id) {
                if !matched {
                    // A stored row that the file does not have.
                    self.confirmations.interrupt();
                }
                matched = false;
                at += 1;
            }
            let Some(row) = stored.get(at).filter(|row| row.id == key.id) else {
                staged.push((*index, Action::New));
                continue;
            };
            matched = true;
            if row.hash != key.hash {
                let later = self.not_earlier.is_later(row.source_id);
                if !later {
                    differing.push((staged.len(), at));
                }
                staged.push((*index, if later { Action::Lose } else { Action::Update }));
            } else if self.not_earlier.is_earlier(row.source_id) {
                match dense {
                    true => self.confirmations.add(key.id),
                    false => self.confirmations.add_single(key.id, row.source_id),
                }
            }
        }
        (staged, differing)
    }

    /// Content of an earlier source may have been confirmed by a later one, and stays then.
    async fn lose_to_confirmed(
        &self,
        staged: &mut [Staged],
        differing: &[Differing],
        stored: &[Stored],
    ) -> Result<()> {
        let later = self.not_earlier.later();
        let (Some((_, first)), Some((_, last))) = (differing.first(), differing.last()) else {
            return Ok(());
        };
        if later.is_empty() {
            return Ok(());
        }
        let whole = self
            .transaction
            .query(
                "SELECT DISTINCT confirmed_source_id FROM core.confirmed_sources \
                 WHERE source_id = ANY($1)",
                &[&later],
            )
            .await
            .or_db("read confirmed sources")?;
        let whole: HashSet<i32> = whole.iter().map(|row| row.get(0)).collect();
        for (place, at) in differing {
            if whole.contains(&stored[*at].source_id) {
                staged[*place].1 = Action::Lose;
            }
        }
        let parameters: [&(dyn ToSql + Sync); 3] = [&later, &stored[*first].id, &stored[*last].id];
        let ranges = self
            .transaction
            .query_raw(
                "SELECT source_id, first_id, last_id FROM core.confirmations \
                 WHERE source_id = ANY($1) AND first_id <= $3 AND last_id >= $2",
                parameters,
            )
            .await
            .or_db("read confirmations")?;
        let mut ranges = pin!(ranges);
        while let Some(row) = ranges.try_next().await.or_db("read confirmations")? {
            let (source_id, first, last): (i32, i64, i64) = (row.get(0), row.get(1), row.get(2));
            let from = differing.partition_point(|(_, at)| stored[*at].id < first);
            for (place, at) in &differing[from..] {
                let row = &stored[*at];
                if row.id > last {
                    break;
                }
                if row.source_id < source_id {
                    staged[*place].1 = Action::Lose;
                }
            }
        }
        Ok(())
    }

    async fn stage(&mut self, chunk: &Chunk, staged: &[Staged]) -> Result<()> {
        if staged.is_empty() {
            return Ok(());
        }
        self.out.extend_from_slice(HEADER);
        for (index, action) in staged {
            let key = &chunk.keys[*index];
            match action {
                Action::New => {
                    self.findings.new += 1;
                    self.findings.new_days.insert(key.day);
                }
                Action::Update => self.findings.updated += 1,
                Action::Lose => self.findings.lost += 1,
            }
            self.findings.references.add(key);
            self.out.extend_from_slice(chunk.row(*index));
            self.out.put_i32(1);
            self.out.put_u8(*action as u8);
        }
        self.out.extend_from_slice(TRAILER);
        let message = self.out.split().freeze();
        let sink = self.transaction.copy_in(&self.copy).await.or_db("start copy")?;
        let mut sink = pin!(sink);
        sink.send(message).await.or_db("copy rows")?;
        let rows = sink.finish().await.or_db("finish copy")?;
        if rows != staged.len() as u64 {
            return Err(Error::internal("the copy lost rows").with("rows", rows));
        }
        Ok(())
    }
}
