//! Records of good events, within the limits of Kinesis.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use shopflow_aws::kinesis::{CALL_BYTES, KEY_CHARACTERS, RECORD_BYTES, RECORDS, Record};

use crate::intake::Line;

/// One record per session, with its events on lines in the order they came; several when they
/// outgrow one.
pub fn records(lines: Vec<Line>) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    for line in lines {
        let key = partition_key(line.session_id);
        let place = open.get(&key).copied();
        let fits = |record: &&mut Record| record.bytes() + 1 + line.text.len() <= RECORD_BYTES;
        match place.and_then(|place| records.get_mut(place)).filter(fits) {
            Some(record) => {
                record.data.push(b'\n');
                record.data.extend_from_slice(&line.text);
            }
            None => {
                open.insert(key.clone(), records.len());
                records.push(Record { partition_key: key, data: line.text });
            }
        }
    }
    records
}

/// The session itself; its hash when Kinesis could not take it.
fn partition_key(session_id: String) -> String {
    if (1..=KEY_CHARACTERS).contains(&session_id.chars().count()) {
        return session_id;
    }
    hex::encode(Sha256::digest(session_id.as_bytes()))
}

/// Records in groups that one call takes, in their order.
pub fn calls(records: Vec<Record>) -> Vec<Vec<Record>> {
    let mut calls: Vec<Vec<Record>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        bytes += record.bytes();
        match calls.last_mut().filter(|call| call.len() < RECORDS && bytes <= CALL_BYTES) {
            Some(call) => call.push(record),
            None => {
                bytes = record.bytes();
                calls.push(vec![record]);
            }
        }
    }
    calls
}

/// Those of a call's records that were not taken, in their order.
pub fn left(call: Vec<Record>, codes: &[Option<String>]) -> Vec<Record> {
    let failed = call.into_iter().zip(codes).filter(|(_, code)| code.is_some());
    failed.map(|(record, _)| record).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(session_id: &str, text: &[u8]) -> Line {
        Line { session_id: session_id.to_owned(), text: text.to_vec() }
    }

    fn record(bytes: usize) -> Record {
        Record { partition_key: "s".to_owned(), data: vec![b' '; bytes - 1] }
    }

    #[test]
    fn events_of_a_session_are_in_one_record_in_their_order() {
        let lines = [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5")];
        let lines = lines.map(|(session, text)| line(session, text.as_bytes()));
        let expected = [("a", "1\n3\n5"), ("b", "2\n4")].map(|(key, data)| Record {
            partition_key: key.to_owned(),
            data: data.as_bytes().to_vec(),
        });
        assert_eq!(records(Vec::from(lines)), expected);
    }

    #[test]
    fn a_session_that_is_no_partition_key_is_hashed() {
        let key = |session: String| records(vec![line(&session, b"1")])[0].partition_key.clone();
        assert_eq!(key("é".repeat(256)), "é".repeat(256));
        let hashed = key("é".repeat(257));
        assert_eq!((hashed.len(), key("é".repeat(257))), (64, hashed.clone()));
        assert_ne!(key("é".repeat(258)), hashed);
    }

    #[test]
    fn records_that_were_not_taken_are_left_in_their_order() {
        let code = |failed: bool| failed.then(|| "InternalFailure".to_owned());
        let call = vec![record(1), record(2), record(3), record(4)];
        let codes = [true, false, true, false].map(code);
        assert_eq!(left(call, &codes), [record(1), record(3)]);
    }

    #[test]
    fn the_limits_of_a_record_and_of_a_call_are_kept_to_the_byte() {
        let half = RECORD_BYTES / 2;
        // The key and the line break count as well.
        let exact = vec![line("s", &vec![b' '; half - 1]), line("s", &vec![b' '; half - 1])];
        assert_eq!(records(exact).iter().map(Record::bytes).collect::<Vec<_>>(), [RECORD_BYTES]);
        let over = vec![line("s", &vec![b' '; half - 1]), line("s", &vec![b' '; half])];
        assert_eq!(records(over).len(), 2);
        let most = || (0..5).map(|_| record(RECORD_BYTES));
        assert_eq!(calls(most().collect()).len(), 1);
        assert_eq!(calls(most().chain([record(1)]).collect()).len(), 2);
        assert_eq!(calls((0..501).map(|_| record(1)).collect()).len(), 2);
        assert!(calls(Vec::new()).is_empty());
    }

    proptest! {
        #[test]
        fn every_event_is_sent_once_in_the_order_of_its_session(
            sizes in prop::collection::vec((0_u8..4, 1_usize..400_000), 0..25),
        ) {
            let text = |number: usize, size: usize| {
                let mut text = number.to_string().into_bytes();
                text.resize(text.len() + size, b' ');
                text
            };
            let lines = sizes.iter().enumerate().map(|(number, (session, size))| {
                line(&session.to_string(), &text(number, *size))
            });
            let calls = calls(records(lines.collect()));
            let mut sent: Vec<(String, Vec<u8>)> = Vec::new();
            for call in &calls {
                prop_assert!(call.len() <= RECORDS);
                prop_assert!(call.iter().map(Record::bytes).sum::<usize>() <= CALL_BYTES);
                for record in call {
                    prop_assert!(record.bytes() <= RECORD_BYTES);
                    let lines = record.data.split(|byte| *byte == b'\n');
                    let key = &record.partition_key;
                    sent.extend(lines.map(|line| (key.clone(), line.to_vec())));
                }
            }
            let mut expected: Vec<(String, Vec<u8>)> = sizes
                .iter()
                .enumerate()
                .map(|(number, (session, size))| (session.to_string(), text(number, *size)))
                .collect();
            // Stable: the order within a session stays.
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            sent.sort_by(|a, b| a.0.cmp(&b.0));
            prop_assert_eq!(sent, expected);
        }
    }
}
