//! Streams an object through the engine into two objects: reading, validating and writing go on
//! at the same time, with a few buffers between them. Of a file whose rows are all good nothing is
//! written: it is its own good rows.

use bytes::Bytes;
use shopflow_core::contract::{ObjectRef, StoredObject};
use shopflow_core::storage::{ObjectReader, ObjectWriter};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};
use tokio::sync::mpsc;

use crate::engine::{Split, Summary, Validator};
use crate::likeness::Likeness;
use crate::quarantine::HEADER;

/// Chunks that may wait for the engine.
const CHUNKS_AHEAD: usize = 16;
/// Outputs that may wait for the writers.
const SPLITS_AHEAD: usize = 2;
/// An output is handed on once it has this many bytes.
const SPLIT_BYTES: usize = 1024 * 1024;

/// Where the two outputs go.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    /// The object that is read.
    pub source: ObjectRef,
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

/// Rows on their way to the writers.
#[derive(Debug, Default)]
struct Piece {
    split: Split,
    /// All good rows up to here are the beginning of the file, byte for byte.
    is_source: bool,
}

/// The end of the rows.
#[derive(Debug)]
struct Validated {
    summary: Summary,
    /// The good rows are the file, byte for byte.
    is_source: bool,
}

/// Validates the object behind `reader`. Nothing becomes visible unless all of it was read.
pub(crate) async fn run(
    storage: &Storage,
    validator: Validator,
    reader: ObjectReader,
    targets: &Targets,
) -> Result<Outcome> {
    let (chunks, received) = mpsc::channel(CHUNKS_AHEAD);
    let (pieces, to_write) = mpsc::channel(SPLITS_AHEAD);
    let validating = tokio::task::spawn_blocking(move || validate(validator, received, &pieces));
    let mut outputs = Outputs::new(storage.clone(), targets.clone());
    let writing = tokio::spawn(async move {
        outputs.write(to_write).await?;
        Ok::<_, Error>(outputs)
    });
    let read = read(reader, chunks).await;
    let validated = validating.await.or_error(ErrorKind::Internal, "validation stopped")?;
    let outputs = writing.await.or_error(ErrorKind::Internal, "writing stopped")?;
    // A writer that fails stops the reader, so its error is the cause and comes first.
    let outputs = outputs?;
    read?;
    let Validated { summary, is_source } = validated
        .ok_or_else(|| Error::internal("validation stopped before the end of the file"))?;
    // What only the end of a file rejects may have no refused row, and must be seen nevertheless.
    let is_held = summary.rejection.is_some() && summary.rows_good > 0;
    let (validated, quarantine) = outputs.finish(is_source, is_held).await?;
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

/// `None` when the input broke off or nobody takes the output.
fn validate(
    mut validator: Validator,
    mut chunks: mpsc::Receiver<Input>,
    pieces: &mpsc::Sender<Piece>,
) -> Option<Validated> {
    let mut likeness = Likeness::default();
    let mut split = Split::default();
    loop {
        match chunks.blocking_recv()? {
            Input::Chunk(chunk) => {
                let known = split.good.len();
                validator.feed(&chunk, &mut split);
                likeness.compare(&chunk, &split.good[known..]);
            }
            Input::End => break,
        }
        if split.good.len().max(split.bad.len()) >= SPLIT_BYTES {
            let full = std::mem::take(&mut split);
            pieces.blocking_send(Piece { split: full, is_source: likeness.holds() }).ok()?;
            split.good.reserve(SPLIT_BYTES + SPLIT_BYTES / 8);
        }
    }
    let known = split.good.len();
    let summary = validator.finish(&mut split);
    likeness.compare(&[], &split.good[known..]);
    pieces.blocking_send(Piece { split, is_source: likeness.holds() }).ok()?;
    Some(Validated { summary, is_source: likeness.is_complete() })
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

    async fn write(&mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<()> {
        let Outputs { storage, targets, validated, quarantine } = self;
        while let Some(Piece { split, is_source }) = pieces.recv().await {
            let (bucket, key, kind) =
                (&targets.bucket, &targets.validated_key, targets.validated_type);
            if !split.good.is_empty() {
                let good = validated
                    .get_or_insert_with(|| storage.write(bucket, key, kind).like(&targets.source));
                match is_source {
                    true => good.repeat(&split.good),
                    false => good.write(&split.good).await?,
                }
            }
            if !split.bad.is_empty() {
                let bad = quarantine.get_or_insert_with(|| {
                    storage.write(bucket, &targets.quarantine_key, "text/csv")
                });
                bad.write(&split.bad).await?;
            }
        }
        Ok(())
    }

    /// With `is_held` there is a quarantine file in any case: its name is what lists find.
    async fn finish(
        self,
        is_source: bool,
        is_held: bool,
    ) -> Result<(Option<StoredObject>, Option<StoredObject>)> {
        let Outputs { storage, targets, validated, quarantine } = self;
        let validated = match validated {
            Some(writer) if is_source => writer.finish_as_origin(),
            other => finish(other).await?,
        };
        let quarantine = match quarantine {
            None if is_held => {
                let (bucket, key) = (&targets.bucket, &targets.quarantine_key);
                Some(storage.write_all(bucket, key, "text/csv", HEADER).await?)
            }
            other => finish(other).await?,
        };
        Ok((validated, quarantine))
    }
}

async fn finish(writer: Option<ObjectWriter>) -> Result<Option<StoredObject>> {
    match writer {
        Some(writer) => Ok(Some(writer.finish().await?)),
        None => Ok(None),
    }
}
