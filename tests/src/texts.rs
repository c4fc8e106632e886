//! Everything that the shop keeps, as text: what a person who looks for a value would read.

use std::process::Command;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use shopflow::local::home::Home;

use crate::Cloud;

/// Prints log events and metrics of the emulator, one a line.
const TOLD: &str = r#"
import os, botocore.session
session = botocore.session.get_session()
def client(name):
    return session.create_client(name, region_name="us-east-1", endpoint_url=os.environ["ENDPOINT"],
                                 aws_access_key_id="test", aws_secret_access_key="test")
logs, events = client("logs"), 0
for page in logs.get_paginator("describe_log_groups").paginate():
    for group in page["logGroups"]:
        for found in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            for event in found["events"]:
                print("log", group["logGroupName"], event["message"])
for page in client("cloudwatch").get_paginator("list_metrics").paginate():
    for metric in page["Metrics"]:
        print("metric", metric)
"#;

/// One thing that can be read, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub place: String,
    pub text: String,
}

impl Cloud {
    /// Every version of every object under a prefix, Parquet as rows.
    pub async fn objects(&self, bucket: &str, prefix: &str) -> Vec<Text> {
        let mut found = Vec::new();
        let (mut key_marker, mut version_marker) = (None, None);
        loop {
            let list = self.s3.list_object_versions().bucket(bucket).prefix(prefix);
            let list = list.set_key_marker(key_marker).set_version_id_marker(version_marker);
            let page = list.send().await.expect("list versions");
            for version in page.versions() {
                let (key, id) = (version.key().expect("key"), version.version_id().expect("id"));
                let get = self.s3.get_object().bucket(bucket).key(key).version_id(id);
                let object = get.send().await.expect("get version");
                let content = object.body.collect().await.expect("read version").into_bytes();
                let text = match key.ends_with(".parquet") {
                    true => rows(content),
                    false => String::from_utf8_lossy(&content).into_owned(),
                };
                found.push(Text { place: format!("s3://{bucket}/{key}?versionId={id}"), text });
            }
            if !page.is_truncated().unwrap_or(false) {
                return found;
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            version_marker = page.next_version_id_marker().map(str::to_owned);
        }
    }

    /// Every row of every table of some schemas.
    pub async fn tables(&self, schemas: &[&str]) -> Vec<Text> {
        let sql = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c
                   JOIN pg_namespace AS n ON n.oid = c.relnamespace
                   WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'm')
                     AND NOT c.relispartition ORDER BY 1";
        let mut found = Vec::new();
        for table in self.database.query(sql, &[&schemas]).await.expect("list tables") {
            let place: String = table.get(0);
            let sql = format!("SELECT string_agg(t::text, E'\\n') FROM {place} AS t");
            let row = self.database.query_one(&sql, &[]).await.expect("read table");
            let text = row.get::<_, Option<String>>(0).unwrap_or_default();
            found.push(Text { place, text });
        }
        found
    }

    /// Input, output and every event of an execution.
    pub async fn history(&self, arn: &str) -> Text {
        let mut text = String::new();
        let mut pages = self.sfn.get_execution_history().execution_arn(arn).into_paginator().send();
        while let Some(page) = pages.next().await {
            for event in page.expect("history").events() {
                text.push_str(&format!("{event:?}\n"));
            }
        }
        let seen = self.sfn.describe_execution().execution_arn(arn).send().await;
        text.push_str(&format!("{:?}", seen.expect("describe execution")));
        Text { place: arn.to_owned(), text }
    }

    /// What the functions have logged and measured, and the files of logs on this machine.
    pub fn told(&self) -> Vec<Text> {
        let home = Home::of_tests().expect("home of the test cloud");
        let said = Command::new(home.venv().join("bin/python"))
            .args(["-c", TOLD])
            .env("ENDPOINT", &self.endpoint)
            .output()
            .expect("read logs and metrics");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let mut found = vec![Text { place: "logs and metrics".to_owned(), text }];
        for file in std::fs::read_dir(home.logs()).expect("folder of logs").flatten() {
            let content = std::fs::read(file.path()).unwrap_or_default();
            found.push(Text {
                place: file.path().display().to_string(),
                text: String::from_utf8_lossy(&content).into_owned(),
            });
        }
        found
    }
}

fn rows(content: impl Into<bytes::Bytes>) -> String {
    let batches = shopflow_lake::parquet::decode(content.into()).expect("parquet file");
    let options = FormatOptions::default();
    let mut text = String::new();
    for batch in batches {
        for column in batch.columns() {
            let values = ArrayFormatter::try_new(column.as_ref(), &options).expect("format");
            for row in 0..batch.num_rows() {
                text.push_str(&values.value(row).to_string());
                text.push('\n');
            }
        }
    }
    text
}
