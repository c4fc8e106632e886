use chrono::DateTime;
use proptest::prelude::*;

use super::encode::encode;
use super::{Column, Message, Old, Relation, Tuple, Value, decode};

/// A message that owns its texts, from which the borrowed one is made.
#[derive(Debug, Clone)]
enum Cell {
    Null,
    Unchanged,
    Text(String),
}

fn row(cells: &[Cell]) -> Tuple<'_> {
    Tuple(
        cells
            .iter()
            .map(|cell| match cell {
                Cell::Null => Value::Null,
                Cell::Unchanged => Value::Unchanged,
                Cell::Text(text) => Value::Text(text),
            })
            .collect(),
    )
}

fn cells() -> impl Strategy<Value = Vec<Cell>> {
    let cell = prop_oneof![
        Just(Cell::Null),
        Just(Cell::Unchanged),
        ".{0,20}".prop_map(|text: String| Cell::Text(text)),
    ];
    prop::collection::vec(cell, 0..8)
}

fn relation() -> impl Strategy<Value = Relation> {
    let column = (any::<bool>(), "[a-z_é]{1,12}", any::<u32>(), any::<i32>()).prop_map(
        |(is_key, name, type_oid, type_modifier)| Column { is_key, name, type_oid, type_modifier },
    );
    let columns = prop::collection::vec(column, 0..6);
    (any::<u32>(), "[a-z]{0,8}", "[a-z]{1,8}", columns).prop_map(
        |(oid, namespace, name, columns)| Relation {
            oid,
            namespace,
            name,
            replica_identity: b'd',
            columns,
        },
    )
}

/// Every kind of message, encoded, with what it must decode to.
#[allow(clippy::too_many_arguments)]
fn all<'a>(
    lsns: (u64, u64),
    micros: i64,
    oids: &'a [u32],
    relation: &'a Relation,
    before: &'a [Cell],
    after: &'a [Cell],
    name: &'a str,
) -> Vec<Message<'a>> {
    let commit_at = DateTime::from_timestamp_micros(micros).unwrap();
    let oid = relation.oid;
    vec![
        Message::Begin { commit_lsn: lsns.0, commit_at, xid: oid },
        Message::Commit { commit_lsn: lsns.0, end_lsn: lsns.1, commit_at },
        Message::Origin { lsn: lsns.0, name },
        Message::Relation(relation.clone()),
        Message::Type { oid, namespace: name, name },
        Message::Insert { relation: oid, new: row(after) },
        Message::Update { relation: oid, old: None, new: row(after) },
        Message::Update { relation: oid, old: Some(Old::Key(row(before))), new: row(after) },
        Message::Update { relation: oid, old: Some(Old::Row(row(before))), new: row(after) },
        Message::Delete { relation: oid, old: Old::Key(row(before)) },
        Message::Delete { relation: oid, old: Old::Row(row(before)) },
        Message::Truncate { relations: oids.to_vec(), cascade: true, restart_identity: false },
        Message::Truncate { relations: oids.to_vec(), cascade: false, restart_identity: true },
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_and_no_part_of_it_is(
        lsns in any::<(u64, u64)>(),
        micros in 0_i64..4_000_000_000_000_000,
        oids in prop::collection::vec(any::<u32>(), 0..5),
        relation in relation(),
        before in cells(),
        after in cells(),
        name in "[a-z ]{0,12}",
    ) {
        for message in all(lsns, micros, &oids, &relation, &before, &after, &name) {
            let bytes = encode(&message);
            prop_assert_eq!(decode(&bytes).unwrap(), message);
            for length in 0..bytes.len() {
                prop_assert!(decode(&bytes[..length]).is_err(), "{} of {:?}", length, bytes);
            }
            let mut longer = bytes;
            longer.push(0);
            prop_assert!(decode(&longer).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in prop::sample::select(b"BCORYIUDTM".to_vec())) {
        let _ = decode(&bytes);
        let mut message = vec![kind];
        message.extend(bytes);
        let _ = decode(&message);
    }
}

#[test]
fn the_bytes_of_a_server_are_understood() {
    // What PostgreSQL 18 answers for `INSERT INTO one VALUES (1, 'one')` into (id int primary
    // key, t text).
    let bytes = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    };
    let commit_at = "2026-11-23T02:30:40.132139Z".parse().unwrap();
    let commit_lsn = 0x04a1_8e10;
    let begin = bytes("420000000004a18e10000303e72602182b00000340");
    assert_eq!(decode(&begin).unwrap(), Message::Begin { commit_lsn, commit_at, xid: 832 });
    let relation = bytes(
        "5200004c067075626c6963006f6e65006400020169640000000017ffffffff00740000000019ffffffff",
    );
    let column = |name: &str, type_oid, is_key| Column {
        is_key,
        name: name.to_owned(),
        type_oid,
        type_modifier: -1,
    };
    let expected = Relation {
        oid: 19462,
        namespace: "public".to_owned(),
        name: "one".to_owned(),
        replica_identity: b'd',
        columns: vec![column("id", 23, true), column("t", 25, false)],
    };
    assert_eq!(decode(&relation).unwrap(), Message::Relation(expected));
    let insert = bytes("4900004c064e000274000000013174000000036f6e65");
    let new = Tuple(vec![Value::Text("1"), Value::Text("one")]);
    assert_eq!(decode(&insert).unwrap(), Message::Insert { relation: 19462, new });
    let commit = bytes("43000000000004a18e100000000004a18e40000303e72602182b");
    let end_lsn = 0x04a1_8e40;
    assert_eq!(decode(&commit).unwrap(), Message::Commit { commit_lsn, end_lsn, commit_at });
}

#[test]
fn a_kind_of_message_that_is_not_known_is_named_and_values_are_not_shown() {
    let error = decode(b"Ssecret").unwrap_err().to_string();
    assert!(error.contains("kind=S"), "{error}");
    let mut bytes = b"I\0\0\0\x01N\0\x01t\0\0\0\x08secret".to_vec();
    bytes.extend([0xff, 0xfe]);
    let error = decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("UTF-8") && !error.contains("secret"), "{error}");
}

#[test]
fn a_count_that_lies_takes_no_memory() {
    // 65,535 columns and 4 billion tables are claimed; nothing follows.
    assert!(decode(b"I\0\0\0\x01N\xff\xff").is_err());
    assert!(decode(b"T\xff\xff\xff\xff\0").is_err());
}
