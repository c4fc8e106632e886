//! The other direction, written from the same chapter of the manual: for tests only.

use chrono::{DateTime, Utc};

use super::{EPOCH_2000, Message, Old, Relation, Tuple, Value};

pub(crate) fn encode(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match message {
        Message::Begin { commit_lsn, commit_at, xid } => {
            out.push(b'B');
            out.extend(commit_lsn.to_be_bytes());
            out.extend(micros(commit_at));
            out.extend(xid.to_be_bytes());
        }
        Message::Commit { commit_lsn, end_lsn, commit_at } => {
            out.extend([b'C', 0]);
            out.extend(commit_lsn.to_be_bytes());
            out.extend(end_lsn.to_be_bytes());
            out.extend(micros(commit_at));
        }
        Message::Origin { lsn, name } => {
            out.push(b'O');
            out.extend(lsn.to_be_bytes());
            text(&mut out, name);
        }
        Message::Relation(relation) => encode_relation(&mut out, relation),
        Message::Type { oid, namespace, name } => {
            out.push(b'Y');
            out.extend(oid.to_be_bytes());
            text(&mut out, namespace);
            text(&mut out, name);
        }
        Message::Insert { relation, new } => {
            out.push(b'I');
            out.extend(relation.to_be_bytes());
            out.push(b'N');
            tuple(&mut out, new);
        }
        Message::Update { relation, old: before, new } => {
            out.push(b'U');
            out.extend(relation.to_be_bytes());
            if let Some(before) = before {
                old(&mut out, before);
            }
            out.push(b'N');
            tuple(&mut out, new);
        }
        Message::Delete { relation, old: before } => {
            out.push(b'D');
            out.extend(relation.to_be_bytes());
            old(&mut out, before);
        }
        Message::Truncate { relations, cascade, restart_identity } => {
            out.push(b'T');
            out.extend((relations.len() as u32).to_be_bytes());
            out.push(u8::from(*cascade) | u8::from(*restart_identity) << 1);
            relations.iter().for_each(|oid| out.extend(oid.to_be_bytes()));
        }
    }
    out
}

fn encode_relation(out: &mut Vec<u8>, relation: &Relation) {
    out.push(b'R');
    out.extend(relation.oid.to_be_bytes());
    text(out, &relation.namespace);
    text(out, &relation.name);
    out.push(relation.replica_identity);
    out.extend((relation.columns.len() as u16).to_be_bytes());
    for column in &relation.columns {
        out.push(u8::from(column.is_key));
        text(out, &column.name);
        out.extend(column.type_oid.to_be_bytes());
        out.extend(column.type_modifier.to_be_bytes());
    }
}

fn micros(at: &DateTime<Utc>) -> [u8; 8] {
    (at.timestamp_micros() - EPOCH_2000 * 1_000_000).to_be_bytes()
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.as_bytes());
    out.push(0);
}

fn old(out: &mut Vec<u8>, before: &Old<'_>) {
    match before {
        Old::Key(row) => {
            out.push(b'K');
            tuple(out, row);
        }
        Old::Row(row) => {
            out.push(b'O');
            tuple(out, row);
        }
    }
}

fn tuple(out: &mut Vec<u8>, row: &Tuple<'_>) {
    out.extend((row.0.len() as u16).to_be_bytes());
    for value in &row.0 {
        match value {
            Value::Null => out.push(b'n'),
            Value::Unchanged => out.push(b'u'),
            Value::Text(text) => {
                out.push(b't');
                out.extend((text.len() as u32).to_be_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
}
