//! The stream of clicks as those see it who send to it.

use serde_json::{Value, json};
use shopflow::stream::{Counts, counts};
use shopflow_aws::json;
use shopflow_aws::kinesis::{self, Record};
use shopflow_testkit::wait::Wait;

use crate::Cloud;

/// A shard that takes records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    pub name: String,
    /// The hashes of partition keys that it has, both ends among them.
    from: u128,
    to: u128,
}

impl Shard {
    /// Reads what `ListShards` says of a shard; nothing of one that was split or merged.
    fn open(shard: &Value) -> Option<Shard> {
        if shard["SequenceNumberRange"]["EndingSequenceNumber"].is_string() {
            return None;
        }
        let hash = |end: &str| {
            let text = shard["HashKeyRange"][end].as_str().expect("hash key");
            text.parse().expect("a hash key is a number")
        };
        let name = shard["ShardId"].as_str().expect("name of the shard").to_owned();
        Some(Shard { name, from: hash("StartingHashKey"), to: hash("EndingHashKey") })
    }
}

impl Cloud {
    /// The shards that take records, in the order of their hashes.
    pub async fn shards(&self) -> Vec<Shard> {
        let input = json!({"StreamName": self.stream()});
        let target = "Kinesis_20131202.ListShards";
        let listed = json::call(kinesis::SERVICE, &self.target.aws, target, &input, |answer| {
            Ok(answer["Shards"].clone())
        });
        let listed = listed.await.expect("list shards");
        let listed = listed.as_array().expect("a list of shards");
        let mut shards: Vec<Shard> = listed.iter().filter_map(Shard::open).collect();
        shards.sort_by_key(|shard| shard.from);
        shards
    }

    /// Splits a shard in the middle; its children.
    pub async fn split_shard(&self, shard: &Shard) -> [Shard; 2] {
        let middle = shard.from + (shard.to - shard.from) / 2 + 1;
        let input = json!({
            "StreamName": self.stream(), "ShardToSplit": shard.name,
            "NewStartingHashKey": middle.to_string(),
        });
        self.reshard("Kinesis_20131202.SplitShard", &input).await;
        let is_child = |child: &Shard| shard.from <= child.from && child.to <= shard.to;
        let children: Vec<Shard> = self.shards().await.into_iter().filter(is_child).collect();
        children.try_into().expect("a shard becomes two")
    }

    /// Merges two shards that lie side by side; what they become.
    pub async fn merge_shards(&self, one: &Shard, next: &Shard) -> Shard {
        let input = json!({
            "StreamName": self.stream(), "ShardToMerge": one.name,
            "AdjacentShardToMerge": next.name,
        });
        self.reshard("Kinesis_20131202.MergeShards", &input).await;
        let merged = self.shards().await.into_iter().find(|shard| shard.from == one.from);
        merged.filter(|merged| merged.to == next.to).expect("two shards become one")
    }

    async fn reshard(&self, target: &'static str, input: &Value) {
        let call = json::call(kinesis::SERVICE, &self.target.aws, target, input, |_| Ok(()));
        call.await.expect(target);
    }

    /// Puts clicks on the stream, each as a record of its own, in their order.
    pub async fn put_clicks(&self, clicks: &[Value]) {
        let record = |click: &Value| Record {
            partition_key: click["session_id"].as_str().expect("session").to_owned(),
            data: click.to_string().into_bytes(),
        };
        let records: Vec<Record> = clicks.iter().map(record).collect();
        let refused = self.put_records(&records).await;
        assert!(refused.iter().all(Option::is_none), "{refused:?}");
    }

    /// Puts records on the stream; the error code of each that was not taken.
    pub async fn put_records(&self, records: &[Record]) -> Vec<Option<String>> {
        let put = kinesis::put_records(&self.target.aws, self.stream(), records).await;
        put.expect("put records")
    }

    /// What the stream counts, over all shards; nothing before anybody has made its tables.
    pub async fn stream_counts(&self) -> Counts {
        let tables = "SELECT count(*) FROM pg_tables
                      WHERE schemaname = 'stream' AND tablename = 'shards'";
        if self.count(tables).await == 0 {
            return Counts::default();
        }
        counts(&self.database, self.stream()).await.expect("counters of the stream")
    }

    /// Waits until the stream has read so many events, whatever became of them; what it counts then.
    pub async fn has_read(&self, events: u64) -> Counts {
        let wait = Wait::until("the stream has read every event");
        loop {
            let counts = self.stream_counts().await;
            if counts.read_once() >= events {
                return counts;
            }
            wait.pause(100).await;
        }
    }

    fn stream(&self) -> &str {
        self.target.stack.output("ClickStreamName").expect("stack output")
    }
}
