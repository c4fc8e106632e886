//! Kinesis: records that are put on a stream.

use aws_config::SdkConfig;
use serde_json::{Value, json};

use crate::json;
use crate::service::{Outcome, Service};

/// Kinesis Data Streams as a service.
pub const SERVICE: Service = Service { id: "Kinesis", name: "kinesis" };
/// `PutRecords` takes at most this many records per call.
pub const RECORDS: usize = 500;
/// The most bytes of a call, data and partition keys together.
pub const CALL_BYTES: usize = 5 * 1024 * 1024;
/// The most bytes of a record, data and partition key together.
pub const RECORD_BYTES: usize = 1024 * 1024;
/// The most characters of a partition key; it has at least one.
pub const KEY_CHARACTERS: usize = 256;

/// What goes on a stream.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Records with the same key go to the same shard.
    pub partition_key: String,
    pub data: Vec<u8>,
}

impl Record {
    /// Its bytes as the limits count them.
    pub fn bytes(&self) -> usize {
        self.partition_key.len() + self.data.len()
    }
}

/// Keys and data may be about persons: only their lengths are shown.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

/// `PutRecords`: puts at most [`RECORDS`] records of at most [`CALL_BYTES`] together on a stream. It
/// tells, in the order of the records, the error code of each that was not taken, such as
/// `ProvisionedThroughputExceededException`; whoever calls sends those again.
///
/// # Errors
/// What Kinesis refuses as a whole, such as a stream that does not exist.
pub async fn put_records(
    aws: &SdkConfig,
    stream: &str,
    records: &[Record],
) -> Outcome<Vec<Option<String>>> {
    let sent = records.len();
    let input = input(stream, records);
    let decode = move |answer: &Value| json::codes(answer, "Records", sent);
    json::call(SERVICE, aws, "Kinesis_20131202.PutRecords", &input, decode).await
}

fn input(stream: &str, records: &[Record]) -> Value {
    let records: Vec<Value> = records
        .iter()
        .map(|record| {
            let data = aws_smithy_types::base64::encode(&record.data);
            json!({"Data": data, "PartitionKey": record.partition_key})
        })
        .collect();
    json!({"StreamName": stream, "Records": records})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, data: &[u8]) -> Record {
        Record { partition_key: key.to_owned(), data: data.to_vec() }
    }

    #[test]
    fn data_goes_out_as_base64_beside_its_key() {
        let records = [record("s-1", b"{}\n{}"), record("s-2", &[0x1F, 0x8B, 0xFF])];
        let expected = json!({"StreamName": "clicks", "Records": [
            {"Data": "e30Ke30=", "PartitionKey": "s-1"},
            {"Data": "H4v/", "PartitionKey": "s-2"},
        ]});
        assert_eq!(input("clicks", &records), expected);
    }

    #[test]
    fn what_is_shown_of_a_record_tells_nothing_of_persons() {
        let shown = format!("{:?}", record("session-17", b"secret"));
        assert_eq!(shown, "Record { bytes: 16, .. }");
    }
}
