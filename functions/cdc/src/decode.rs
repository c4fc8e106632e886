//! Messages of a slot to changes: which transaction, which place in it, which table.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shopflow_core::{Error, Result};

use crate::change::{Change, Image, Operation, Place};
use crate::horizon::Snapshot;
use crate::pgoutput::{self, Message, Old, Relation, Tuple, Value};

/// What a message means for the change log.
#[derive(Debug)]
pub enum Event<'a> {
    /// Nothing to write.
    None,
    Change(Change<'a>),
    /// A truncate names several tables: one change for each.
    Changes(Vec<Change<'a>>),
    Committed {
        end_lsn: u64,
        commit_at: DateTime<Utc>,
    },
}

/// Remembers the transaction and the tables between messages.
#[derive(Debug, Default)]
pub struct Decoder {
    relations: HashMap<u32, Arc<Relation>>,
    open: Option<Open>,
    /// Transactions that committed before it are in the log already, should the slot lag behind.
    position: u64,
    /// Transactions that the snapshot shows are in the log already.
    snapshot: Option<(Snapshot, u64)>,
    pub transactions: u64,
    /// Changes that are in the log already.
    pub unchanged: u64,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    xid: u32,
    commit_lsn: u64,
    commit_at: DateTime<Utc>,
    seq: i64,
    is_shown: bool,
}

impl Decoder {
    /// `position`: how far the log has come. `snapshot`: what it began with, and the position by
    /// which all that this shows had committed.
    pub fn new(position: u64, snapshot: Option<(Snapshot, u64)>) -> Self {
        Decoder { position, snapshot, ..Decoder::default() }
    }

    /// Takes the next message; `lsn` is the place of the change in the server's log.
    ///
    /// # Errors
    /// `Internal` when the message is malformed or out of order.
    pub fn take<'a>(&mut self, lsn: u64, message: &'a [u8]) -> Result<Event<'a>> {
        let decoded = pgoutput::decode(message).map_err(|error| error.with("lsn", hex(lsn)))?;
        match decoded {
            Message::Begin { commit_lsn, commit_at, xid } => {
                if self.open.is_some() {
                    return Err(out_of_order("a transaction begins within another", lsn));
                }
                let in_snapshot = match &self.snapshot {
                    Some((snapshot, end)) => commit_lsn < *end && snapshot.shows(xid),
                    None => false,
                };
                let is_shown = in_snapshot || commit_lsn < self.position;
                self.open = Some(Open { xid, commit_lsn, commit_at, seq: 0, is_shown });
                Ok(Event::None)
            }
            Message::Commit { commit_lsn, end_lsn, commit_at } => {
                match self.open.take() {
                    Some(open) if open.commit_lsn == commit_lsn => {}
                    _ => return Err(out_of_order("a commit without its begin", lsn)),
                }
                self.transactions += 1;
                Ok(Event::Committed { end_lsn, commit_at })
            }
            Message::Relation(relation) => {
                self.relations.insert(relation.oid, Arc::new(relation));
                Ok(Event::None)
            }
            // Types are known by their texts, and where a change first happened is not recorded.
            Message::Type { .. } | Message::Origin { .. } => Ok(Event::None),
            Message::Insert { relation, new } => {
                let relation = self.relation(relation, lsn)?;
                let after = image(&relation, new, false, lsn)?;
                self.change(lsn, Operation::Create, relation, None, Some(after))
            }
            Message::Update { relation, old, new } => {
                let relation = self.relation(relation, lsn)?;
                let new = completed(new, old.as_ref());
                let after = image(&relation, new, false, lsn)?;
                let before = old.map(|old| old_image(&relation, old, lsn)).transpose()?;
                self.change(lsn, Operation::Update, relation, before, Some(after))
            }
            Message::Delete { relation, old } => {
                let relation = self.relation(relation, lsn)?;
                let before = old_image(&relation, old, lsn)?;
                self.change(lsn, Operation::Delete, relation, Some(before), None)
            }
            Message::Truncate { relations, .. } => self.truncate(lsn, &relations),
        }
    }

    /// True between two transactions.
    pub fn is_idle(&self) -> bool {
        self.open.is_none()
    }

    fn truncate<'a>(&mut self, lsn: u64, relations: &[u32]) -> Result<Event<'a>> {
        let mut changes = Vec::with_capacity(relations.len());
        for oid in relations {
            let relation = self.relation(*oid, lsn)?;
            let event = self.change(lsn, Operation::Truncate, relation, None, None)?;
            if let Event::Change(change) = event {
                changes.push(change);
            }
        }
        Ok(Event::Changes(changes))
    }

    fn relation(&self, oid: u32, lsn: u64) -> Result<Arc<Relation>> {
        let found = self.relations.get(&oid).map(Arc::clone);
        found.ok_or_else(|| out_of_order("a change of a table that was not described", lsn))
    }

    fn change<'a>(
        &mut self,
        lsn: u64,
        operation: Operation,
        relation: Arc<Relation>,
        before: Option<Image<'a>>,
        after: Option<Image<'a>>,
    ) -> Result<Event<'a>> {
        let Some(open) = &mut self.open else {
            return Err(out_of_order("a change outside of a transaction", lsn));
        };
        open.seq += 1;
        if open.is_shown {
            self.unchanged += 1;
            return Ok(Event::None);
        }
        let place = Place {
            lsn: Some(lsn),
            commit_lsn: Some(open.commit_lsn),
            xid: Some(open.xid),
            commit_at: open.commit_at,
            seq: open.seq,
        };
        Ok(Event::Change(Change { operation, place, relation, before, after }))
    }
}

/// With the full old row at hand, the values that the change did not touch are known.
fn completed<'a>(mut new: Tuple<'a>, old: Option<&Old<'a>>) -> Tuple<'a> {
    if let Some(Old::Row(old)) = old {
        for (value, before) in new.0.iter_mut().zip(&old.0) {
            if *value == Value::Unchanged {
                *value = *before;
            }
        }
    }
    new
}

fn old_image<'a>(relation: &Relation, old: Old<'a>, lsn: u64) -> Result<Image<'a>> {
    match old {
        Old::Key(values) => image(relation, values, true, lsn),
        Old::Row(values) => image(relation, values, false, lsn),
    }
}

fn image<'a>(
    relation: &Relation,
    values: Tuple<'a>,
    key_only: bool,
    lsn: u64,
) -> Result<Image<'a>> {
    if values.0.len() == relation.columns.len() {
        return Ok(Image { values, key_only });
    }
    Err(out_of_order("a row does not have the columns of its table", lsn)
        .with("table", &relation.name))
}

fn out_of_order(problem: &str, lsn: u64) -> Error {
    Error::internal(format!("read changes failed: {problem}")).with("lsn", hex(lsn))
}

fn hex(lsn: u64) -> tokio_postgres::types::PgLsn {
    lsn.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgoutput::Column;
    use crate::pgoutput::encode::encode;

    fn begin(commit_lsn: u64, xid: u32) -> Vec<u8> {
        encode(&Message::Begin { commit_lsn, commit_at: DateTime::UNIX_EPOCH, xid })
    }

    fn commit(commit_lsn: u64) -> Vec<u8> {
        let end_lsn = commit_lsn + 8;
        encode(&Message::Commit { commit_lsn, end_lsn, commit_at: DateTime::UNIX_EPOCH })
    }

    fn table(oid: u32) -> Vec<u8> {
        let column = |name: &str, is_key| Column {
            is_key,
            name: name.to_owned(),
            type_oid: 25,
            type_modifier: -1,
        };
        encode(&Message::Relation(Relation {
            oid,
            namespace: "core".to_owned(),
            name: format!("t{oid}"),
            replica_identity: b'f',
            columns: vec![column("id", true), column("note", false)],
        }))
    }

    #[test]
    fn places_count_on_within_a_transaction_and_start_anew_in_the_next() {
        let mut decoder = Decoder::default();
        let truncate =
            Message::Truncate { relations: vec![1, 2], cascade: false, restart_identity: false };
        let insert =
            Message::Insert { relation: 1, new: Tuple(vec![Value::Text("a"), Value::Null]) };
        let mut places = Vec::new();
        for (commit_lsn, xid) in [(100, 7), (200, 6)] {
            for message in [
                begin(commit_lsn, xid),
                table(1),
                table(2),
                encode(&insert),
                encode(&truncate),
                commit(commit_lsn),
            ] {
                let changes = match decoder.take(50, &message).unwrap() {
                    Event::Change(change) => vec![change],
                    Event::Changes(changes) => changes,
                    _ => Vec::new(),
                };
                for change in changes {
                    let place = change.place;
                    places.push((
                        place.commit_lsn.unwrap(),
                        place.xid.unwrap(),
                        place.seq,
                        change.relation.name.clone(),
                    ));
                }
            }
        }
        let t = |name: &str| name.to_owned();
        assert_eq!(
            places,
            [
                (100, 7, 1, t("t1")),
                (100, 7, 2, t("t1")),
                (100, 7, 3, t("t2")),
                (200, 6, 1, t("t1")),
                (200, 6, 2, t("t1")),
                (200, 6, 3, t("t2"))
            ]
        );
        assert_eq!(decoder.transactions, 2);
        assert!(decoder.is_idle());
    }

    #[test]
    fn a_transaction_that_the_snapshot_shows_is_not_written_again() {
        let snapshot: Snapshot = "10:20:12".parse().unwrap();
        let mut decoder = Decoder::new(50, Some((snapshot, 500)));
        let insert =
            encode(&Message::Insert { relation: 1, new: Tuple(vec![Value::Null, Value::Null]) });
        let mut written = Vec::new();
        // The first one is before the position. The last one reuses a shown identifier, but committed
        // after the snapshot was taken.
        for (commit_lsn, xid) in [(40, 25), (100, 11), (200, 12), (300, 20), (600, 15)] {
            decoder.take(1, &begin(commit_lsn, xid)).unwrap();
            decoder.take(1, &table(1)).unwrap();
            if let Event::Change(change) = decoder.take(1, &insert).unwrap() {
                written.push(change.place.xid.unwrap());
            }
            decoder.take(1, &commit(commit_lsn)).unwrap();
        }
        assert_eq!(written, [12, 20, 15]);
        assert_eq!(decoder.unchanged, 2);
    }

    #[test]
    fn untouched_values_are_filled_in_from_a_full_old_row_only() {
        let new = || Tuple(vec![Value::Text("1"), Value::Unchanged]);
        let old = Tuple(vec![Value::Text("1"), Value::Text("long")]);
        let full = completed(new(), Some(&Old::Row(old.clone())));
        assert_eq!(full.0[1], Value::Text("long"));
        assert_eq!(completed(new(), Some(&Old::Key(old))).0[1], Value::Unchanged);
        assert_eq!(completed(new(), None).0[1], Value::Unchanged);
    }

    #[test]
    fn messages_out_of_order_are_refused() {
        let insert =
            encode(&Message::Insert { relation: 1, new: Tuple(vec![Value::Null, Value::Null]) });
        let narrow = encode(&Message::Insert { relation: 1, new: Tuple(vec![Value::Null]) });
        let cases: [(&[Vec<u8>], &str); 5] = [
            (&[table(1), insert.clone()], "outside of a transaction"),
            (&[begin(1, 5), insert.clone()], "not described"),
            (&[begin(1, 5), begin(2, 6)], "within another"),
            (&[begin(1, 5), commit(2)], "without its begin"),
            (&[begin(1, 5), table(1), narrow], "columns of its table"),
        ];
        for (messages, problem) in cases {
            let mut decoder = Decoder::default();
            let outcome = messages.iter().try_for_each(|m| decoder.take(9, m).map(|_| ()));
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("lsn=0/9"), "{error}");
        }
    }
}
