//! OpenLineage events of a run: what ran, what it read and wrote, and how that ended.
//!
//! The first state of the pipeline says that the run begins, the last one tells everything else,
//! from what the stages reported. So no stage waits for its events, and a repeat tells the same:
//! run ids, times and counts all come from the run itself.
//!
//! The events are kept in the reports bucket as `lineage/run_id=<id>/start.ndjson` and
//! `finish.ndjson`, and posted to an OpenLineage backend if there is one.

mod dataset;
mod event;
mod evidence;
mod facet;
mod jobs;
mod names;
mod post;

pub use event::{Event, run_uuid};
pub use names::Places;
pub use post::Backend;

use chrono::{DateTime, Utc};
use shopflow_core::contract::{RecordFinish, RecordStart, Run};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::{Buckets, LineageSettings};
use shopflow_core::{ErrorKind, Result, ResultExt, Settings, Storage, keys};

use dataset::Datasets;
use event::Factory;
use evidence::Evidence;

/// Writes the events.
#[derive(Debug, Clone)]
pub struct Lineage {
    pub buckets: Buckets,
    /// Namespace of the jobs.
    pub namespace: String,
    /// Where the source code is published.
    pub source_url: Option<String>,
    /// Whom events are posted to.
    pub backend: Option<Backend>,
}

impl Lineage {
    /// As the settings say. A backend whose key cannot be read is left out, and the log says so.
    pub async fn new(aws: &aws_config::SdkConfig, settings: &Settings) -> Lineage {
        let LineageSettings { namespace, source_url, .. } = &settings.lineage;
        let backend = Backend::new(aws, &settings.lineage).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "no lineage events will be posted");
            None
        });
        Lineage {
            buckets: settings.buckets.clone(),
            namespace: namespace.clone(),
            source_url: source_url.clone(),
            backend,
        }
    }

    /// Says that a run begins.
    ///
    /// # Errors
    /// `Transient.Storage`; a backend that fails is no error.
    pub async fn start(
        &self,
        storage: &Storage,
        start: &RecordStart,
        invocation: &Invocation,
    ) -> Result<()> {
        let events = [self.factory(&start.run).pipeline_start(start.started_at)];
        self.tell(storage, &start.run.run_id, "start", &events, invocation).await
    }

    /// Tells what the stages did and how the run ended, at `finished_at`.
    ///
    /// # Errors
    /// `Transient.Storage`; a backend that fails is no error.
    pub async fn finish(
        &self,
        storage: &Storage,
        places: &Places,
        (finish, finished_at): (&RecordFinish, DateTime<Utc>),
        invocation: &Invocation,
    ) -> Result<()> {
        let graph = shopflow_lineage::graph()?;
        let evidence = Evidence::read(storage, &places.reports, finish).await;
        let datasets = Datasets { graph: &graph, places, evidence: &evidence };
        let factory = self.factory(&finish.run);
        let jobs = jobs::of(&graph, finish, &evidence, finished_at);
        let mut events: Vec<Event> =
            jobs.iter().flat_map(|job| factory.job(&datasets, job)).collect();
        // Stable: of one moment, what begins stands before what ends.
        events.sort_by_key(|event| (event.event_time, event.event_type));
        events.push(factory.pipeline_end(finish, finished_at));
        self.tell(storage, &finish.run.run_id, "finish", &events, invocation).await
    }

    fn factory<'a>(&'a self, run: &'a Run) -> Factory<'a> {
        let source_url = self.source_url.as_deref();
        Factory { namespace: &self.namespace, source_url, run }
    }

    async fn tell(
        &self,
        storage: &Storage,
        run_id: &str,
        phase: &str,
        events: &[Event],
        invocation: &Invocation,
    ) -> Result<()> {
        let lines = events
            .iter()
            .map(serde_json::to_string)
            .collect::<std::result::Result<Vec<_>, _>>()
            .or_error(ErrorKind::Internal, "encode lineage events failed")?;
        let body = lines.join("\n") + "\n";
        let key = keys::lineage_events(run_id, phase);
        let reports = &self.buckets.reports;
        storage.write_all(reports, &key, "application/x-ndjson", body.into_bytes()).await?;
        if let Some(backend) = &self.backend {
            backend.send(&lines, invocation).await;
        }
        Ok(())
    }
}
