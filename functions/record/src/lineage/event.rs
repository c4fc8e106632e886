//! Events and their facets.

use chrono::{DateTime, Days, NaiveTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use shopflow_core::contract::{RecordFinish, Run, RunStatus};
use uuid::Uuid;

use super::dataset::Datasets;
use super::facet::{PRODUCER, facet};
use super::jobs::{Job, Outcome};

/// Job of a whole run; the jobs of stages are named below it.
pub const PIPELINE: &str = "pipeline";

/// What happened to a run, in the order in which it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    Start,
    Complete,
    Fail,
}

/// An OpenLineage run event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub event_type: EventType,
    #[serde(serialize_with = "milliseconds")]
    pub event_time: DateTime<Utc>,
    pub producer: &'static str,
    #[serde(rename = "schemaURL")]
    pub schema_url: &'static str,
    pub run: Value,
    pub job: Value,
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
}

fn milliseconds<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*time))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The id of the run of a job: the same for every repeat, another for every run and job. A UUID of
/// version 8 made of a SHA-256, as RFC 9562 shows in appendix B.2.
pub fn run_uuid(namespace: &str, run_id: &str, job: &str) -> Uuid {
    let mut hasher = Sha256::new();
    for part in [namespace, run_id, job] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Makes the events of one run.
pub struct Factory<'a> {
    /// Namespace of the jobs.
    pub namespace: &'a str,
    /// Where the source code is published.
    pub source_url: Option<&'a str>,
    pub run: &'a Run,
}

impl Factory<'_> {
    /// The run begins.
    pub fn pipeline_start(&self, at: DateTime<Utc>) -> Event {
        self.event(EventType::Start, at, PIPELINE, self.run_facets(PIPELINE), (vec![], vec![]))
    }

    /// The run ends, one way or the other.
    pub fn pipeline_end(&self, finish: &RecordFinish, at: DateTime<Utc>) -> Event {
        let mut facets = self.run_facets(PIPELINE);
        let event_type = match finish.status {
            RunStatus::Succeeded => EventType::Complete,
            RunStatus::Failed => EventType::Fail,
        };
        if let Some(error) = &finish.error {
            facets.insert("errorMessage".to_owned(), error_message(&error.error, &error.cause));
        }
        self.event(event_type, at, PIPELINE, facets, (vec![], vec![]))
    }

    /// A job begins and ends. What it reads and writes is told when it ends well; else what it was
    /// to read and write.
    pub fn job(&self, datasets: &Datasets<'_>, job: &Job) -> [Event; 2] {
        let name = format!("{PIPELINE}.{}", job.name);
        let named = (
            job.inputs.iter().map(|input| datasets.bare(input)).collect(),
            job.outputs.iter().map(|output| datasets.bare(output)).collect(),
        );
        let start =
            self.event(EventType::Start, job.started_at, &name, self.run_facets(&name), named);
        let mut facets = self.run_facets(&name);
        let event_type = match &job.outcome {
            Outcome::Complete => EventType::Complete,
            Outcome::Fail(error) => {
                facets.insert("errorMessage".to_owned(), error_message(&error.error, &error.cause));
                EventType::Fail
            }
        };
        let told = (
            job.inputs.iter().map(|input| datasets.input(input)).collect(),
            job.outputs.iter().map(|output| datasets.output(output, &job.inputs)).collect(),
        );
        let end = self.event(event_type, job.ended_at, &name, facets, told);
        [start, end]
    }

    fn event(
        &self,
        event_type: EventType,
        event_time: DateTime<Utc>,
        job: &str,
        facets: Map<String, Value>,
        (inputs, outputs): (Vec<Value>, Vec<Value>),
    ) -> Event {
        let namespace = self.namespace;
        let id = run_uuid(namespace, &self.run.run_id, job);
        Event {
            event_type,
            event_time,
            producer: PRODUCER,
            schema_url: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            run: json!({"runId": id, "facets": facets}),
            job: json!({"namespace": namespace, "name": job, "facets": self.job_facets(job)}),
            inputs,
            outputs,
        }
    }

    fn run_facets(&self, job: &str) -> Map<String, Value> {
        let day = self.run.run_date.and_time(NaiveTime::MIN).and_utc();
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        let engine = json!({
            "name": "ShopFlow",
            "version": env!("CARGO_PKG_VERSION"),
            "openlineageAdapterVersion": env!("CARGO_PKG_VERSION"),
        });
        let nominal = json!({"nominalStartTime": rfc3339(day), "nominalEndTime": rfc3339(next)});
        let mut facets = Map::new();
        facets.insert("nominalTime".to_owned(), facet("1-0-1/NominalTimeRunFacet", nominal));
        facets.insert(
            "processing_engine".to_owned(),
            facet("1-1-1/ProcessingEngineRunFacet", engine),
        );
        if job != PIPELINE {
            let namespace = self.namespace;
            let run = json!({"runId": run_uuid(namespace, &self.run.run_id, PIPELINE)});
            let job = json!({"namespace": namespace, "name": PIPELINE});
            let root = json!({"run": run, "job": job});
            let parent = json!({"run": run, "job": job, "root": root});
            facets.insert("parent".to_owned(), facet("1-2-0/ParentRunFacet", parent));
        }
        facets
    }

    fn job_facets(&self, job: &str) -> Value {
        let kind = if job == PIPELINE { "PIPELINE" } else { "TASK" };
        let kind = json!({"processingType": "BATCH", "integration": "SHOPFLOW", "jobType": kind});
        let mut facets = Map::new();
        facets.insert("jobType".to_owned(), facet("2-0-4/JobTypeJobFacet", kind));
        if let Some(url) = self.source_url {
            let path = match job.split('.').nth(1) {
                Some(function) => format!("functions/{function}"),
                None => "statemachines/pipeline.asl.json".to_owned(),
            };
            let location = json!({"type": "git", "url": url, "path": path});
            let location = facet("1-1-0/SourceCodeLocationJobFacet", location);
            facets.insert("sourceCodeLocation".to_owned(), location);
        }
        facets.into()
    }
}

fn error_message(error: &str, cause: &str) -> Value {
    let message = json!({"message": format!("{error}: {cause}"), "programmingLanguage": "Rust"});
    facet("1-0-1/ErrorMessageRunFacet", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_is_a_uuid_that_a_repeat_gives_again() {
        let id = run_uuid("shopflow", "r-1", PIPELINE);
        assert_eq!(id, run_uuid("shopflow", "r-1", PIPELINE));
        assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
    }

    #[test]
    fn parts_of_a_run_id_cannot_run_into_each_other() {
        assert_ne!(run_uuid("a", "bc", "d"), run_uuid("ab", "c", "d"));
        assert_ne!(run_uuid("a", "b", "cd"), run_uuid("a", "bc", "d"));
    }
}
