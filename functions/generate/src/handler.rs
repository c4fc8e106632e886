//! The shop in the landing bucket: a stream for each file, all at once, and the list of truths.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{NaiveDate, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use shopflow_core::contract::{GenerateEvent, GenerateResult, ObjectRef};
use shopflow_core::dataset::Format;
use shopflow_core::runtime::Invocation;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt, keys};
use tokio::sync::mpsc;

use crate::context::Context;
use crate::shop::{Shop, Written};
use crate::spec;

/// Metadata key that tells what an object was generated from.
const SPEC_METADATA: &str = "shopflow-spec";
/// Chunks between the generator and the upload of one file.
const CHUNKS_UNDER_WAY: usize = 4;

/// Handles one event: generates the datasets of the sample shop and the list of truths.
///
/// An object that already holds what the event asks for is kept with its version, so a repeated
/// event changes nothing and gives the same result.
///
/// # Errors
/// `InvalidInput` when the spec is wrong or nothing may be generated here, `Transient.Storage` when S3
/// does not take the data.
pub async fn handle(
    context: &Context,
    event: GenerateEvent,
    invocation: &Invocation,
) -> Result<GenerateResult> {
    spec::check_allowed(context.settings)?;
    let run_date = event.run_date.unwrap_or_else(|| Utc::now().date_naive());
    let name = run_name(&event, run_date)?;
    // Building the vocabulary takes milliseconds of computing; keep it off the runtime's threads.
    let spec = event.spec;
    let sets = context.vocabulary.clone();
    let shop = tokio::task::spawn_blocking(move || Shop::speaking(&sets, run_date, &spec))
        .await
        .or_error(ErrorKind::Internal, "generator stopped")??;
    let datasets = crate::datasets(spec.profile);
    let key = |dataset: &Dataset| landing_key(*dataset, event.run_id.as_deref(), &name);
    let job = Job {
        context,
        shop: Arc::new(shop),
        keys: datasets.iter().map(key).collect(),
        metadata: metadata(&event, run_date, &context.vocabulary),
    };
    let truths_key = keys::truths(&name);
    // Boxed, since all uploads in one future would be a very large one.
    let truths: BoxFuture<'_, Result<Landed>> = job.truths(&truths_key).boxed();
    let files = datasets.iter().map(|dataset| job.dataset(*dataset).boxed());
    let (files, truths) = futures::try_join!(try_join_all(files), truths)?;
    for (dataset, file) in datasets.iter().zip(&files) {
        let dimensions = [("Dataset", dataset.name())];
        invocation.metrics.count("RowsGenerated", file.rows, &dimensions);
        invocation.metrics.count("BytesGenerated", file.bytes, &dimensions);
    }
    invocation.metrics.count("DefectsPlanted", truths.rows, &[]);
    let rows = files.iter().map(|file| file.rows).sum();
    let bytes = files.iter().map(|file| file.bytes).sum();
    tracing::info!(rows, bytes, defects = truths.rows, "generated");
    let objects = files.into_iter().map(|file| file.object).collect();
    Ok(GenerateResult { objects, truths: truths.object, rows, bytes })
}

/// One invocation's work.
struct Job<'a> {
    context: &'a Context,
    shop: Arc<Shop>,
    /// By dataset.
    keys: Vec<String>,
    metadata: HashMap<&'static str, String>,
}

/// An object that is in the bucket now.
struct Landed {
    object: ObjectRef,
    rows: u64,
    bytes: u64,
}

impl Job<'_> {
    async fn dataset(&self, dataset: Dataset) -> Result<Landed> {
        let content_type = match dataset.format() {
            Format::JsonLines => "application/x-ndjson",
            Format::Csv => "text/csv",
        };
        let shop = Arc::clone(&self.shop);
        let counter = Arc::clone(&self.shop);
        self.land(
            &self.keys[dataset.position()],
            content_type,
            move |out| shop.write(dataset, out),
            move || Ok(counter.rows_planned(dataset)),
        )
        .await
    }

    async fn truths(&self, key: &str) -> Result<Landed> {
        let shop = Arc::clone(&self.shop);
        let counter = Arc::clone(&self.shop);
        let names = self.keys.clone();
        let file = move |dataset: Dataset| names[dataset.position()].clone();
        self.land(
            key,
            "application/x-ndjson",
            move |out| shop.write_truths(file, out),
            move || counter.write_truths(|_| String::new(), io::sink()).map(|truths| truths.rows),
        )
        .await
    }

    /// Keeps the object of an earlier attempt or writes it.
    async fn land(
        &self,
        key: &str,
        content_type: &str,
        write: impl FnOnce(&mut ChannelWriter) -> io::Result<Written> + Send + 'static,
        count: impl FnOnce() -> io::Result<u64> + Send + 'static,
    ) -> Result<Landed> {
        let object = ObjectRef {
            bucket: self.context.landing.clone(),
            key: key.to_owned(),
            version_id: None,
        };
        if let Some((version_id, bytes)) = self.existing(&object).await? {
            let rows = tokio::task::spawn_blocking(count)
                .await
                .or_error(ErrorKind::Internal, "generator stopped")?
                .or_error(ErrorKind::Internal, "count rows failed")?;
            tracing::info!(key, "kept the object of an earlier attempt");
            return Ok(Landed { object: ObjectRef { version_id, ..object }, rows, bytes });
        }
        let (version_id, written) = self.stream(&object, content_type, write).await?;
        Ok(Landed {
            object: ObjectRef { version_id, ..object },
            rows: written.rows,
            bytes: written.bytes,
        })
    }

    /// Version and size of the object, if it was generated from the same spec. Objects become
    /// visible when complete, so one that is there is whole.
    async fn existing(&self, object: &ObjectRef) -> Result<Option<(Option<String>, u64)>> {
        match self.context.storage.head(object).await {
            Ok(info) => {
                let same = self.metadata.iter().all(|(name, value)| {
                    info.metadata.get(*name).is_some_and(|found| found == value)
                });
                let version = Some(info.version_id).filter(|version| version != "null");
                Ok(same.then_some((version, info.bytes)))
            }
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Generates on a thread of its own while the upload goes on; the channel between them is
    /// short, so the generator waits for a slow upload instead of filling memory.
    async fn stream(
        &self,
        object: &ObjectRef,
        content_type: &str,
        write: impl FnOnce(&mut ChannelWriter) -> io::Result<Written> + Send + 'static,
    ) -> Result<(Option<String>, Written)> {
        let mut writer = self.context.storage.write(&object.bucket, &object.key, content_type);
        for (name, value) in &self.metadata {
            writer = writer.metadata(name, value);
        }
        let (sender, mut chunks) = mpsc::channel(CHUNKS_UNDER_WAY);
        let generator =
            tokio::task::spawn_blocking(move || write(&mut ChannelWriter { chunks: sender }));
        // When a write fails the channel closes, and with it the generator ends.
        while let Some(chunk) = chunks.recv().await {
            writer.write(&chunk).await?;
        }
        let written = generator
            .await
            .or_error(ErrorKind::Internal, "generator stopped")?
            .or_error(ErrorKind::Internal, "generate failed")
            .map_err(|error| error.with("key", &object.key))?;
        if written.bytes != writer.bytes() {
            return Err(Error::internal("generated and sent bytes differ")
                .with("key", &object.key)
                .with("generated", written.bytes)
                .with("sent", writer.bytes()));
        }
        let stored = writer.finish().await?;
        Ok((stored.version_id, written))
    }
}

/// The writing end of the channel to the upload.
struct ChannelWriter {
    chunks: mpsc::Sender<Bytes>,
}

impl Write for ChannelWriter {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.chunks
            .blocking_send(Bytes::copy_from_slice(content))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(content.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The run id, or a name for what is generated without a run.
fn run_name(event: &GenerateEvent, run_date: NaiveDate) -> Result<String> {
    let Some(run_id) = &event.run_id else {
        return Ok(format!("generated-{}-{run_date}", event.spec.seed));
    };
    let sound = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if run_id.is_empty() || !run_id.chars().all(sound) {
        return Err(Error::invalid("run_id must be letters, digits, '-', '_' and '.'")
            .with("run_id", run_id)
            .hint("use the name of the execution"));
    }
    Ok(run_id.clone())
}

fn landing_key(dataset: Dataset, run_id: Option<&str>, name: &str) -> String {
    match run_id {
        Some(run_id) => keys::generated(dataset, run_id, 0),
        None => format!("incoming/{dataset}/{name}-00000.{}", dataset.extension()),
    }
}

fn metadata(
    event: &GenerateEvent,
    run_date: NaiveDate,
    sets: &Vocabularies,
) -> HashMap<&'static str, String> {
    let fingerprint = spec::fingerprint(run_date, &event.spec, sets);
    let mut metadata = HashMap::from([(SPEC_METADATA, fingerprint)]);
    if let Some(run_id) = &event.run_id {
        metadata.insert(keys::RUN_METADATA, run_id.clone());
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(run_id: Option<&str>) -> GenerateEvent {
        GenerateEvent {
            run_id: run_id.map(str::to_owned),
            run_date: None,
            spec: Default::default(),
        }
    }

    fn run_date() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 15).unwrap()
    }

    #[test]
    fn files_of_no_run_are_left_for_the_trigger() {
        let event = event(None);
        let name = run_name(&event, run_date()).unwrap();
        assert_eq!(
            landing_key(Dataset::Clickstream, event.run_id.as_deref(), &name),
            "incoming/clickstream/generated-42-2026-01-15-00000.jsonl"
        );
        assert!(
            !metadata(&event, run_date(), &Vocabularies::default())
                .contains_key(keys::RUN_METADATA)
        );
    }

    #[test]
    fn a_run_id_that_would_break_a_key_is_refused() {
        for run_id in ["", "a/b", "a b", "run_id=é"] {
            let error = run_name(&event(Some(run_id)), run_date()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{run_id}");
        }
        assert_eq!(run_name(&event(Some("2026-01-15_a.b")), run_date()).unwrap(), "2026-01-15_a.b");
    }
}
