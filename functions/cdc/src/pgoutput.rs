//! The messages of `pgoutput`, Postgres' own plug-in for logical decoding, protocol version 1.
//!
//! Source: the chapter "Logical Replication Message Formats" of the Postgres manual. Integers are
//! big-endian, texts end with a zero byte. Decoding borrows from its input, never reads past it,
//! and answers what it does not know with an error: a message that is half understood would be a
//! change that is half captured.

#[cfg(test)]
pub(crate) mod encode;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use shopflow_core::{Error, Result};

/// Seconds from 1970 to 2000, where Postgres counts from.
const EPOCH_2000: i64 = 946_684_800;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    Begin {
        /// Start of the commit record: what follows belongs to a transaction that committed there.
        commit_lsn: u64,
        commit_at: DateTime<Utc>,
        xid: u32,
    },
    Commit {
        commit_lsn: u64,
        /// End of the commit record: the next transaction begins to be read here.
        end_lsn: u64,
        commit_at: DateTime<Utc>,
    },
    /// The transaction came from another server.
    Origin {
        lsn: u64,
        name: &'a str,
    },
    Relation(Relation),
    /// Name of a type that is not built in.
    Type {
        oid: u32,
        namespace: &'a str,
        name: &'a str,
    },
    Insert {
        relation: u32,
        new: Tuple<'a>,
    },
    Update {
        relation: u32,
        old: Option<Old<'a>>,
        new: Tuple<'a>,
    },
    Delete {
        relation: u32,
        old: Old<'a>,
    },
    Truncate {
        relations: Vec<u32>,
        cascade: bool,
        restart_identity: bool,
    },
}

/// A table as it was when the rows that follow were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub oid: u32,
    /// Empty for `pg_catalog`.
    pub namespace: String,
    pub name: String,
    /// `d` primary key, `n` nothing, `f` full row, `i` index: what old rows hold.
    pub replica_identity: u8,
    pub columns: Vec<Column>,
}

/// A column of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub is_key: bool,
    pub name: String,
    pub type_oid: u32,
    pub type_modifier: i32,
}

/// The row before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Old<'a> {
    /// The columns of the key; all others stand as null.
    Key(Tuple<'a>),
    /// The whole row (`REPLICA IDENTITY FULL`).
    Row(Tuple<'a>),
}

/// The values of a row, in the order of the relation's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple<'a>(pub Vec<Value<'a>>);

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    /// A large value that this change did not touch; Postgres does not say what it is.
    Unchanged,
    /// What the type's output function writes.
    Text(&'a str),
}

/// Decodes one message.
///
/// # Errors
/// `Internal` when it ends too early or too late, or is none that protocol version 1 knows.
pub fn decode(message: &[u8]) -> Result<Message<'_>> {
    let mut input = Input(message);
    let kind = input.u8()?;
    let decoded = match kind {
        b'B' => {
            Message::Begin { commit_lsn: input.u64()?, commit_at: input.time()?, xid: input.u32()? }
        }
        b'C' => {
            // Flags: none are defined.
            input.u8()?;
            Message::Commit {
                commit_lsn: input.u64()?,
                end_lsn: input.u64()?,
                commit_at: input.time()?,
            }
        }
        b'O' => Message::Origin { lsn: input.u64()?, name: input.text()? },
        b'R' => Message::Relation(input.relation()?),
        b'Y' => Message::Type { oid: input.u32()?, namespace: input.text()?, name: input.text()? },
        b'I' => {
            let relation = input.u32()?;
            input.expect(b'N')?;
            Message::Insert { relation, new: input.tuple()? }
        }
        b'U' => input.update()?,
        b'D' => {
            let relation = input.u32()?;
            let kind = input.u8()?;
            Message::Delete { relation, old: input.old(kind)? }
        }
        b'T' => input.truncate()?,
        other => {
            return Err(malformed("message of an unknown kind")
                .with("kind", char::from(other).escape_default()));
        }
    };
    if !input.0.is_empty() {
        return Err(malformed("message is longer than its content").with("left", input.0.len()));
    }
    Ok(decoded)
}

fn malformed(problem: &str) -> Error {
    Error::internal(format!("decode pgoutput failed: {problem}"))
}

/// What is left of a message.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.0.split_at_checked(length) else {
            return Err(malformed("message ends too early")
                .with("wanted", length)
                .with("left", self.0.len()));
        };
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| malformed("message ends too early"))
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Microseconds since 2000.
    fn time(&mut self) -> Result<DateTime<Utc>> {
        let micros = i64::from_be_bytes(self.array()?);
        micros
            .checked_add(EPOCH_2000 * 1_000_000)
            .and_then(DateTime::from_timestamp_micros)
            .ok_or_else(|| malformed("time is out of range"))
    }

    fn text(&mut self) -> Result<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let end = end.ok_or_else(|| malformed("text without an end"))?;
        let text = self.bytes(end)?;
        self.u8()?;
        utf8(text)
    }

    fn expect(&mut self, kind: u8) -> Result<()> {
        let found = self.u8()?;
        if found == kind {
            return Ok(());
        }
        Err(malformed("row of an unknown kind").with("kind", char::from(found).escape_default()))
    }

    fn relation(&mut self) -> Result<Relation> {
        let oid = self.u32()?;
        let namespace = self.text()?.to_owned();
        let name = self.text()?.to_owned();
        let replica_identity = self.u8()?;
        let count = self.u16()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            columns.push(Column {
                is_key: self.u8()? & 1 == 1,
                name: self.text()?.to_owned(),
                type_oid: self.u32()?,
                type_modifier: i32::from_be_bytes(self.array()?),
            });
        }
        Ok(Relation { oid, namespace, name, replica_identity, columns })
    }

    fn update(&mut self) -> Result<Message<'a>> {
        let relation = self.u32()?;
        let mut kind = self.u8()?;
        let mut old = None;
        if kind != b'N' {
            old = Some(self.old(kind)?);
            kind = self.u8()?;
        }
        if kind != b'N' {
            return Err(malformed("update without a new row"));
        }
        Ok(Message::Update { relation, old, new: self.tuple()? })
    }

    fn old(&mut self, kind: u8) -> Result<Old<'a>> {
        match kind {
            b'K' => self.tuple().map(Old::Key),
            b'O' => self.tuple().map(Old::Row),
            other => Err(malformed("old row of an unknown kind")
                .with("kind", char::from(other).escape_default())),
        }
    }

    fn truncate(&mut self) -> Result<Message<'a>> {
        let count = self.u32()?;
        let options = self.u8()?;
        let mut relations = Vec::new();
        for _ in 0..count {
            relations.push(self.u32()?);
        }
        Ok(Message::Truncate {
            relations,
            cascade: options & 1 != 0,
            restart_identity: options & 2 != 0,
        })
    }

    fn tuple(&mut self) -> Result<Tuple<'a>> {
        let count = self.u16()?;
        // A value takes a byte at least: a count that lies cannot take memory.
        let mut values = Vec::with_capacity(usize::from(count).min(self.0.len()));
        for _ in 0..count {
            values.push(match self.u8()? {
                b'n' => Value::Null,
                b'u' => Value::Unchanged,
                b't' => {
                    let length = self.u32()? as usize;
                    Value::Text(utf8(self.bytes(length)?)?)
                }
                other => {
                    return Err(malformed("value of an unknown kind")
                        .with("kind", char::from(other).escape_default()));
                }
            });
        }
        Ok(Tuple(values))
    }
}

/// The cause is left out: it would be of no use without the value, which may be personal.
fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| malformed("text is not UTF-8"))
}
