//! A stream of the test's own, and what lies on it.

use aws_config::SdkConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shopflow_aws::json;
use shopflow_aws::kinesis::{Record, SERVICE};

pub struct Stream {
    pub name: String,
    aws: SdkConfig,
}

impl Stream {
    /// A stream of two shards.
    pub async fn new(aws: &SdkConfig) -> Stream {
        let stream = Stream { name: shopflow_testkit::unique("clicks"), aws: aws.clone() };
        let input = json!({"StreamName": stream.name, "ShardCount": 2});
        stream.call("Kinesis_20131202.CreateStream", input).await;
        stream
    }

    async fn call(&self, target: &'static str, input: Value) -> Value {
        let answer = json::call(SERVICE, &self.aws, target, &input, |answer| Ok(answer.clone()));
        answer.await.unwrap()
    }

    /// All records, by shard and then in their order.
    pub async fn records(&self) -> Vec<Record> {
        let input = json!({"StreamName": self.name});
        let shards = self.call("Kinesis_20131202.ListShards", input).await;
        let mut records = Vec::new();
        for shard in shards["Shards"].as_array().unwrap() {
            let input = json!({
                "StreamName": self.name,
                "ShardId": shard["ShardId"],
                "ShardIteratorType": "TRIM_HORIZON",
            });
            let iterator = self.call("Kinesis_20131202.GetShardIterator", input).await;
            let input = json!({"ShardIterator": iterator["ShardIterator"]});
            let answer = self.call("Kinesis_20131202.GetRecords", input).await;
            records.extend(answer["Records"].as_array().unwrap().iter().map(|record| Record {
                partition_key: record["PartitionKey"].as_str().unwrap().to_owned(),
                data: STANDARD.decode(record["Data"].as_str().unwrap()).unwrap(),
            }));
        }
        records
    }

    /// Partition key and event of every line.
    pub async fn events(&self) -> Vec<(String, Value)> {
        let records = self.records().await;
        let lines = records.iter().flat_map(|record| {
            let lines = record.data.split(|byte| *byte == b'\n');
            lines.map(move |line| {
                (record.partition_key.clone(), serde_json::from_slice(line).unwrap())
            })
        });
        lines.collect()
    }
}
