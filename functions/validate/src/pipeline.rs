//! Streams an object through the engine into two objects: reading, validating and writing go on
//! at the same time, with a few buffers between them.

use bytes::Bytes;
use shopflow_core::contract::StoredObject;
use shopflow_core::storage::{ObjectReader, ObjectWriter};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};
use tokio::sync::mpsc;

use crate::engine::{Split, Summary, Validator};

/// Chunks that may wait for the engine.
const CHUNKS_AHEAD: usize = 16;
/// Outputs that may wait for the writers.
const SPLITS_AHEAD: usize = 2;
/// An output is handed on once it has this many bytes.
const SPLIT_BYTES: usize = 1024 * 1024;

/// Where the two outputs go.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    pub bucket: String,
    pub validated_key: String,
    pub validated_type: &'static str,
    pub quarantine_key: String,
}

/// What became of the object.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub summary: Summary,
    pub validated: Option<StoredObject>,
    pub quarantine: Option<StoredObject>,
}

enum Input {
    Chunk(Bytes),
    /// The object was read to its end, which a closed channel alone does not say.
    End,
}

/// Validates the object behind `reader`. Nothing becomes visible unless all of it was read.
pub(crate) async fn run(
    storage: &Storage,
    validator: Validator,
    reader: ObjectReader,
    targets: &Targets,
) -> Result<Outcome> {
    let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
    let (splits, to_write) = mpsc::channel(SPLITS_AHEAD);
    let validating = tokio::task::spawn_blocking(move || validate(validator, received, &splits));
    let mut outputs = Outputs::new(storage.clone(), targets.clone());
    let writing = tokio::spawn(async move {
        outputs.write(to_write).await?;
        Ok::<_, Error>(outputs)
    });
    let read = read(reader, chunks).await;
    let summary = validating.await.or_error(ErrorKind::Internal, "validation stopped")?;
    let outputs = writing.await.or_error(ErrorKind::Internal, "writing stopped")?;
    // A writer that fails stops the reader, so its error is the cause and comes first.
    let outputs = outputs?;
    read?;
    let summary =
        summary.ok_or_else(|| Error::internal("validation stopped before the end of the file"))?;
    let (validated, quarantine) = outputs.finish().await?;
    Ok(Outcome { summary, validated, quarantine })
}

async fn read(mut reader: ObjectReader, chunks: mpsc::Sender<Input>) -> Result<()> {
    while let Some(chunk) = reader.next().await? {
        if chunks.send(Input::Chunk(chunk)).await.is_err() {
            return Ok(());
        }
    }
    let _ = chunks.send(Input::End).await;
    Ok(())
}

/// The summary, or `None` when the input broke off or nobody takes the output.
fn validate(
    mut validator: Validator,
    mut chunks: mpsc::Receiver<Input>,
    splits: &mpsc::Sender<Split>,
) -> Option<Summary> {
    let mut split = Split::default();
    loop {
        match chunks.blocking_recv()? {
            Input::Chunk(chunk) => validator.feed(&chunk, &mut split),
            Input::End => break,
        }
        if split.good.len().max(split.bad.len()) >= SPLIT_BYTES {
            splits.blocking_send(std::mem::take(&mut split)).ok()?;
            split.good.reserve(SPLIT_BYTES + SPLIT_BYTES / 8);
        }
    }
    let summary = validator.finish(&mut split);
    splits.blocking_send(split).ok()?;
    Some(summary)
}

/// The two writers; an object without rows is never begun.
struct Outputs {
    storage: Storage,
    targets: Targets,
    validated: Option<ObjectWriter>,
    quarantine: Option<ObjectWriter>,
}

impl Outputs {
    fn new(storage: Storage, targets: Targets) -> Self {
        Outputs { storage, targets, validated: None, quarantine: None }
    }

    async fn write(&mut self, mut splits: mpsc::Receiver<Split>) -> Result<()> {
        let Outputs { storage, targets, validated, quarantine } = self;
        while let Some(split) = splits.recv().await {
            let good = (&targets.validated_key, targets.validated_type);
            append(storage, &targets.bucket, good, validated, &split.good).await?;
            let bad = (&targets.quarantine_key, "text/csv");
            append(storage, &targets.bucket, bad, quarantine, &split.bad).await?;
        }
        Ok(())
    }

    async fn finish(self) -> Result<(Option<StoredObject>, Option<StoredObject>)> {
        let validated = finish(self.validated).await?;
        let quarantine = finish(self.quarantine).await?;
        Ok((validated, quarantine))
    }
}

async fn append(
    storage: &Storage,
    bucket: &str,
    (key, content_type): (&String, &str),
    writer: &mut Option<ObjectWriter>,
    content: &[u8],
) -> Result<()> {
    if content.is_empty() {
        return Ok(());
    }
    writer.get_or_insert_with(|| storage.write(bucket, key, content_type)).write(content).await
}

async fn finish(writer: Option<ObjectWriter>) -> Result<Option<StoredObject>> {
    match writer {
        Some(writer) => Ok(Some(writer.finish().await?)),
        None => Ok(None),
    }
}
