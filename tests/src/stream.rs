//! The stream of clicks as those see it who send to it.

use serde_json::Value;
use shopflow::stream::{Counts, counts};
use shopflow_aws::kinesis::{self, Record};
use shopflow_testkit::wait::Wait;

use crate::Cloud;

impl Cloud {
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
