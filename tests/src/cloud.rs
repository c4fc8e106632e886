//! One shop at a time on the shared test cloud.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use shopflow::console::Console;
use shopflow::local;
use shopflow::local::home::Home;
use shopflow::local::python::Python;
use shopflow::target::Target;
use shopflow_testkit::wait::Wait;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio_postgres::error::SqlState;

use crate::ledger::Ledger;
use crate::variables::Variables;

/// Tests of one binary take turns: they share the stack.
static TURN: Mutex<()> = Mutex::const_new(());
static DEPLOYED: OnceCell<local::Cloud> = OnceCell::const_new();

/// The deployed stack with empty buckets and an empty database, held by one test.
pub struct Cloud {
    _turn: MutexGuard<'static, ()>,
    pub endpoint: String,
    pub s3: aws_sdk_s3::Client,
    pub sfn: aws_sdk_sfn::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub database: tokio_postgres::Client,
    database_url: String,
    pub landing: String,
    pub lake: String,
    pub reports: String,
    pub pipeline: String,
    pub backfill: String,
    pub queue: String,
    pub dead_letters: String,
    pub cdc_dead_letters: String,
    /// The same stack, as the commands see it.
    pub target: Target,
}

/// A finished execution.
#[derive(Debug, Clone)]
pub struct Execution {
    pub name: String,
    pub arn: String,
    pub status: ExecutionStatus,
    pub output: Value,
    pub error: String,
    pub cause: String,
}

impl Execution {
    /// Panics with error and cause unless the execution succeeded.
    pub fn expect_success(self) -> Execution {
        assert_eq!(self.status, ExecutionStatus::Succeeded, "{}: {}", self.error, self.cause);
        self
    }

    /// Panics unless the execution failed with this error name.
    pub fn expect_failure(self, error: &str) -> Execution {
        assert_eq!(self.status, ExecutionStatus::Failed, "{self:#?}");
        assert_eq!(self.error, error, "{}", self.cause);
        self
    }
}

impl Cloud {
    /// Waits for its turn, deploys the stack if nobody has yet, and empties it.
    pub async fn fresh() -> Cloud {
        let turn = TURN.lock().await;
        let deployed = DEPLOYED.get_or_init(deploy).await;
        let stack = &deployed.stack;
        let output = |name: &str| stack.output(name).expect("stack output").to_owned();
        let sqs = aws_sdk_sqs::Client::new(&deployed.aws);
        let cdc_dead_letters = sqs.get_queue_url().queue_name("shopflow-local-cdc-dead-letters");
        let cdc_dead_letters = cdc_dead_letters.send().await.expect("queue of cdc");
        let s3 = aws_sdk_s3::config::Builder::from(&deployed.aws).force_path_style(true).build();
        let cloud = Cloud {
            _turn: turn,
            endpoint: deployed.endpoint.clone(),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sfn: aws_sdk_sfn::Client::new(&deployed.aws),
            sqs,
            database: connect(&deployed.database_url).await,
            database_url: deployed.database_url.clone(),
            landing: output("LandingBucket"),
            lake: output("LakeBucket"),
            reports: output("ReportsBucket"),
            pipeline: output("PipelineStateMachineArn"),
            backfill: output("BackfillStateMachineArn"),
            queue: output("IngestQueueUrl"),
            dead_letters: output("IngestDeadLetterQueueUrl"),
            cdc_dead_letters: cdc_dead_letters.queue_url().expect("queue URL").to_owned(),
            target: deployed.clone().into(),
        };
        cloud.clear().await;
        cloud
    }

    /// Waits until nothing runs, and leaves nothing in buckets, database and queues.
    pub async fn clear(&self) {
        self.settle().await;
        for bucket in [&self.landing, &self.lake, &self.reports] {
            self.empty(bucket).await;
        }
        let empty = "DROP SCHEMA IF EXISTS core, warehouse, ops, stream CASCADE;
                     DROP TABLE IF EXISTS public.schema_migrations";
        let wait = Wait::until("the database is empty");
        while let Err(error) = self.database.batch_execute(empty).await {
            // A tick of the stream may be under way, and want what is to go.
            assert_eq!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED), "{error}");
            wait.pause(50).await;
        }
        // A function that kept its connection would go on without the tables; with a new one it makes them.
        let part = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                        AND usename = current_user AND backend_type = 'client backend'";
        self.database.batch_execute(part).await.expect("end the connections of functions");
        for queue in [&self.queue, &self.dead_letters, &self.cdc_dead_letters] {
            let _ = self.sqs.purge_queue().queue_url(queue).send().await;
        }
    }

    /// Waits until so many `more` executions have begun than were there `before`.
    pub async fn begun(&self, prefix: &str, before: usize, more: usize) {
        let wait = Wait::until("an execution has begun");
        while self.executions(prefix).await.len() < before + more {
            wait.pause(100).await;
        }
    }

    /// Stops Postgres in the middle of everything and starts it again.
    pub async fn restart_postgres(&mut self) {
        let home = Home::of_tests().expect("home of the test cloud");
        let python = Python::ensure(&home, Console::quiet()).expect("python environment");
        local::postgres::restart(&home, &python).expect("restart postgres");
        self.database = connect(&self.database_url).await;
    }

    /// Starts the pipeline under a new name and waits for its end.
    pub async fn run(&self, input: Value) -> Execution {
        let name = shopflow_testkit::unique("test");
        let arn = self.start(&self.pipeline, &name, &input).await;
        self.wait(&arn).await
    }

    /// Starts a state machine; the ARN of the execution.
    pub async fn start(&self, machine: &str, name: &str, input: &Value) -> String {
        let started = self
            .sfn
            .start_execution()
            .state_machine_arn(machine)
            .name(name)
            .input(input.to_string())
            .send()
            .await
            .expect("start execution");
        started.execution_arn().to_owned()
    }

    /// True until an execution ends.
    pub async fn is_running(&self, arn: &str) -> bool {
        let seen = self.sfn.describe_execution().execution_arn(arn).send().await;
        *seen.expect("describe execution").status() == ExecutionStatus::Running
    }

    /// Waits for the end of an execution.
    pub async fn wait(&self, arn: &str) -> Execution {
        let wait = Wait::until("the execution has ended");
        loop {
            let seen = self.sfn.describe_execution().execution_arn(arn).send().await;
            let seen = seen.expect("describe execution");
            if *seen.status() != ExecutionStatus::Running {
                let output = seen.output().unwrap_or("null");
                return Execution {
                    name: seen.name().unwrap_or_default().to_owned(),
                    arn: arn.to_owned(),
                    status: seen.status().clone(),
                    output: serde_json::from_str(output).expect("output is JSON"),
                    error: seen.error().unwrap_or_default().to_owned(),
                    cause: seen.cause().unwrap_or_default().to_owned(),
                };
            }
            wait.pause(50).await;
        }
    }

    /// Names of all pipeline executions that began since the last [`Cloud::fresh`], sorted.
    pub async fn executions(&self, prefix: &str) -> Vec<String> {
        let listed = self.sfn.list_executions().state_machine_arn(&self.pipeline).send().await;
        let mut names: Vec<String> = listed
            .expect("list executions")
            .executions()
            .iter()
            .map(|execution| execution.name().to_owned())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }

    /// Waits until nothing runs and the ingest queue is empty.
    pub async fn settle(&self) {
        let wait = Wait::until("the shop has come to rest");
        loop {
            let mut busy = self.waiting(&self.queue).await > 0;
            for machine in [&self.pipeline, &self.backfill] {
                let running = self
                    .sfn
                    .list_executions()
                    .state_machine_arn(machine)
                    .status_filter(ExecutionStatus::Running)
                    .send()
                    .await
                    .expect("list executions");
                busy |= !running.executions().is_empty();
            }
            if !busy {
                return;
            }
            wait.pause(100).await;
        }
    }

    /// Messages in a queue, visible or in flight.
    pub async fn waiting(&self, queue: &str) -> u64 {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let names =
            [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible];
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(queue)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .expect("queue attributes");
        let attributes = answer.attributes().cloned().unwrap_or_default();
        names.iter().filter_map(|name| attributes.get(name)?.parse::<u64>().ok()).sum()
    }

    /// Uploads a file as a user would; the version id.
    pub async fn upload(&self, key: &str, content: impl Into<Vec<u8>>) -> String {
        let put = self
            .s3
            .put_object()
            .bucket(&self.landing)
            .key(key)
            .body(content.into().into())
            .send()
            .await
            .expect("upload");
        put.version_id().unwrap_or("null").to_owned()
    }

    /// Uploads a file that only the caller's execution processes: it lands marked as part of
    /// `run`, so the S3 trigger leaves it alone. The object, as the pipeline's input names it.
    pub async fn land(&self, run: &str, dataset: &str, content: impl Into<Vec<u8>>) -> Value {
        let extension = if dataset == "clickstream" { "jsonl" } else { "csv" };
        let id = shopflow_testkit::unique("file");
        let key = format!("incoming/{dataset}/run_id={run}/{id}.{extension}");
        let version = self.land_at(&key, run, content).await;
        json!({"bucket": self.landing, "key": key, "version_id": version})
    }

    /// [`Cloud::land`] under a key of the caller's choice; the version id.
    pub async fn land_at(&self, key: &str, run: &str, content: impl Into<Vec<u8>>) -> String {
        let put = self
            .s3
            .put_object()
            .bucket(&self.landing)
            .key(key)
            .metadata("shopflow-run-id", run)
            .body(content.into().into())
            .send()
            .await
            .expect("upload");
        put.version_id().unwrap_or("null").to_owned()
    }

    /// Runs the pipeline over the given files.
    pub async fn run_files(&self, files: &[(&str, String)]) -> Execution {
        self.run_source(files, json!({"kind": "objects"})).await
    }

    /// [`Cloud::run_files`] however many of their rows are refused.
    pub async fn run_bad_files(&self, files: &[(&str, String)]) -> Execution {
        let decision = json!({"by": "ana", "at": "2026-01-15T09:00:00Z", "why": "a test"});
        self.run_source(files, json!({"kind": "objects", "decision": decision})).await
    }

    async fn run_source(&self, files: &[(&str, String)], mut source: Value) -> Execution {
        let name = shopflow_testkit::unique("test");
        let mut objects = Vec::new();
        for (dataset, content) in files {
            objects.push(self.land(&name, dataset, content.as_bytes()).await);
        }
        source["objects"] = json!(objects);
        let input = json!({"source": source});
        let arn = self.start(&self.pipeline, &name, &input).await;
        self.wait(&arn).await
    }

    /// Calls a function directly; its answer, or the error it gave.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, Value> {
        let function = format!("shopflow-local-{function}");
        let answer = self.target.invoke(&function, event.to_string()).await.expect("invoke");
        let value: Value = serde_json::from_slice(&answer.payload).expect("answer is JSON");
        if answer.function_error.is_some() { Err(value) } else { Ok(value) }
    }

    /// Lets the functions read configuration over the built-in one below `overlay/` in the landing
    /// bucket, as the parameter `ConfigUri` does. It stays so: other tests find nothing there.
    pub fn overlay(&self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config_uri.py");
        let uri = format!("s3://{}/overlay/", self.landing);
        shopflow_testkit::python(script.as_ref(), &[&self.endpoint, &uri]);
    }

    /// Gives every function variables beside those it has, until what is returned is dropped.
    pub fn variables(&self, variables: &[(&str, &str)]) -> Variables {
        Variables::set(&self.endpoint, variables)
    }

    /// A single number from Postgres.
    pub async fn count(&self, query: &str) -> i64 {
        self.database.query_one(query, &[]).await.expect("count").get(0)
    }

    /// The ledger of a run.
    pub async fn ledger(&self, run_id: &str) -> Ledger {
        Ledger::read(&self.database, run_id).await
    }

    /// Keys under a prefix, sorted.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let mut pages =
            self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.expect("list objects");
            keys.extend(
                page.contents().iter().filter_map(|object| object.key().map(str::to_owned)),
            );
        }
        keys
    }

    /// The content of an object.
    pub async fn read(&self, bucket: &str, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket(bucket).key(key).send().await.expect("get object");
        object.body.collect().await.expect("read object").to_vec()
    }

    async fn empty(&self, bucket: &str) {
        loop {
            let page = self.s3.list_object_versions().bucket(bucket).send().await;
            let page = page.expect("list versions");
            let versions = page.versions().iter().map(|found| (found.key(), found.version_id()));
            let markers =
                page.delete_markers().iter().map(|found| (found.key(), found.version_id()));
            let objects: Vec<ObjectIdentifier> = versions
                .chain(markers)
                .filter_map(|(key, version)| {
                    let identifier = ObjectIdentifier::builder().key(key?);
                    identifier.set_version_id(version.map(str::to_owned)).build().ok()
                })
                .collect();
            if objects.is_empty() {
                return;
            }
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
            self.s3
                .delete_objects()
                .bucket(bucket)
                .delete(delete.expect("delete request"))
                .send()
                .await
                .expect("empty bucket");
        }
    }
}

/// Deploys the stack to the cloud that `cargo shopflow test` has started.
async fn deploy() -> local::Cloud {
    let home = Home::of_tests().expect("home of the test cloud");
    local::deploy(&home, Console::quiet()).await.expect("deploy the stack")
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("connect to postgres");
    tokio::spawn(connection);
    client
}
