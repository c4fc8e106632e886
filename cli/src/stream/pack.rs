//! Which lines go into which record, and which records into which call.

use std::collections::HashMap;

use shopflow_aws::kinesis::{RECORDS, Record};
use shopflow_generate::live::Planned;

/// The most bytes of data in a record. Kinesis takes more; small ones are told apart more finely when
/// a shard is throttled.
const RECORD_BYTES: usize = 256 * 1024;

/// Puts the lines of a visit together into one record per call, as long as they fit: so the record that
/// a throttled shard refuses has nothing behind it in the same call. The calls are to be made one after
/// the other.
pub fn pack(lines: Vec<Planned>) -> Vec<Vec<Record>> {
    let mut calls: Vec<Vec<Record>> = Vec::new();
    // The last record of each visit: its call, and its place there.
    let mut last: HashMap<String, (usize, usize)> = HashMap::new();
    for line in lines {
        let known = last.get(&line.session).copied();
        if let Some((call, place)) = known {
            let data = &mut calls[call][place].data;
            if data.len() + line.payload.len() < RECORD_BYTES {
                data.push(b'\n');
                data.extend_from_slice(&line.payload);
                continue;
            }
        }
        let first = known.map_or(0, |(call, _)| call + 1);
        let room = (first..calls.len()).find(|call| calls[*call].len() < RECORDS);
        let call = room.unwrap_or(calls.len());
        if call == calls.len() {
            calls.push(Vec::new());
        }
        last.insert(line.session.clone(), (call, calls[call].len()));
        calls[call].push(Record { partition_key: line.session, data: line.payload });
    }
    calls
}

/// Lines of a record.
pub fn lines(record: &Record) -> u64 {
    memchr::memchr_iter(b'\n', &record.data).count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shopflow_generate::live::Label;

    use super::*;

    fn line(session: &str, payload: &str) -> Planned {
        Planned {
            at: Duration::ZERO,
            label: Label::Good,
            breakage: None,
            event_id: String::new(),
            session: session.to_owned(),
            payload: payload.as_bytes().to_vec(),
        }
    }

    #[test]
    fn lines_of_a_visit_share_a_record_in_their_order() {
        let calls = pack(vec![line("a", "1"), line("b", "2"), line("a", "3")]);
        let shown: Vec<(&str, &[u8])> = calls[0]
            .iter()
            .map(|record| (record.partition_key.as_str(), record.data.as_slice()))
            .collect();
        assert_eq!((calls.len(), shown), (1, vec![("a", &b"1\n3"[..]), ("b", &b"2"[..])]));
        assert_eq!(calls[0].iter().map(lines).sum::<u64>(), 3);
    }

    #[test]
    fn a_visit_has_one_record_in_a_call_however_much_there_is_of_it() {
        let large = "x".repeat(RECORD_BYTES / 2);
        let calls =
            pack(vec![line("a", &large), line("a", &large), line("b", "2"), line("a", "3")]);
        let keys: Vec<Vec<&str>> = calls
            .iter()
            .map(|call| call.iter().map(|record| record.partition_key.as_str()).collect())
            .collect();
        assert_eq!(keys, [vec!["a", "b"], vec!["a"]]);
        assert!(calls[1][0].data.ends_with(b"x\n3"));
        assert!(calls.iter().flatten().all(|record| record.data.len() <= RECORD_BYTES));
    }

    #[test]
    fn a_call_has_no_more_records_than_kinesis_takes() {
        let many = (0..RECORDS + 1).map(|number| line(&number.to_string(), "{}")).collect();
        let sizes: Vec<usize> = pack(many).iter().map(Vec::len).collect();
        assert_eq!(sizes, [RECORDS, 1]);
    }
}
