//! What calls the function, and what it answers.

use serde::{Deserialize, Serialize};
use shopflow_windows::Counts;

/// A batch of the stream, or the tick.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// What Lambda sends for a Kinesis stream; the records of one shard, as a rule.
    Batch {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    /// `{"tick": true}`, from the schedule.
    Tick { tick: bool },
}

/// A record of a Kinesis event, as far as it is needed here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub kinesis: Kinesis,
    /// `<shard>:<sequence number>`.
    #[serde(rename = "eventID")]
    pub event_id: String,
}

/// The part of a record that comes from Kinesis.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kinesis {
    pub sequence_number: String,
    /// In Base64.
    pub data: String,
    /// Seconds since 1970, with decimals.
    pub approximate_arrival_timestamp: f64,
}

/// What the function answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Batch(BatchAnswer),
    Tick(TickAnswer),
}

/// Which records are to be sent again, and what became of the events of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BatchAnswer {
    /// Lambda sends everything from the first of them on again.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<ItemFailure>,
    pub events: Counts,
}

/// A record to be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemFailure {
    /// Its sequence number.
    #[serde(rename = "itemIdentifier")]
    pub sequence: String,
}

/// What the tick did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TickAnswer {
    /// Windows closed, and those changed by late events.
    pub windows_closed: u64,
    pub windows_changed: u64,
    pub sessions_closed: u64,
    pub carts_abandoned: u64,
    /// Files handed over to the pipeline, and the events in them.
    pub files: u64,
    pub events_handed_over: u64,
    /// Events that EventBridge has taken.
    pub events_sent: u64,
    /// Figures of closed minutes that are unusual and had not been told of.
    pub unusual: u64,
    /// Seconds by which the watermark is behind the clock; absent before the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_lag_seconds: Option<f64>,
    /// True when time ran out; the next tick goes on.
    pub incomplete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_batch_and_the_tick_is_told_from_it() {
        let sample = include_str!("../../../events/stream.json");
        let Event::Batch { records } = serde_json::from_str(sample).unwrap() else {
            panic!("a batch");
        };
        assert_eq!(records.len(), 2);
        assert!(records[0].event_id.ends_with(&records[0].kinesis.sequence_number));
        let tick = serde_json::from_str(r#"{"tick": true}"#).unwrap();
        assert!(matches!(tick, Event::Tick { tick: true }));
        assert!(serde_json::from_str::<Event>(r#"{"tock": true}"#).is_err());
    }

    #[test]
    fn an_answer_names_the_record_to_begin_with_as_lambda_expects_it() {
        let failures = vec![ItemFailure { sequence: "495".to_owned() }];
        let answer = BatchAnswer { failures, events: Counts::default() };
        let answer = serde_json::to_value(Answer::Batch(answer)).unwrap();
        assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "495");
    }
}
