//! One validated file to its raw and bronze copies.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use shopflow_core::contract::{CopyEvent, CopyResult, ManifestEntry, StoredObject};
use shopflow_core::dataset::Format;
use shopflow_core::runtime::Invocation;
use shopflow_core::storage::ObjectReader;
use shopflow_core::{Error, ErrorKind, LedgerEntry, Result, ResultExt, Stage, keys};
use shopflow_lake::parquet::{self, blocking};
use tokio::sync::mpsc;

use crate::Context;
use crate::bronze::{self, Summary};
use crate::channel::{ChunkReader, ChunkWriter};
use crate::sink::{Fingerprint, Sink};

/// Metadata of a raw copy: the SHA-256 of its content.
const CONTENT_METADATA: &str = "shopflow-sha256";
/// Metadata of a bronze file: the SHA-256 of everything its content follows from.
const SOURCE_METADATA: &str = "shopflow-source-sha256";
/// Chunks that wait on either side of the conversion.
const WAITING_CHUNKS: usize = 16;

/// Copies one file and says where it went.
///
/// # Errors
/// See [`crate::handle`].
pub(crate) async fn copy(
    context: &Context,
    event: &CopyEvent,
    invocation: &Invocation,
) -> Result<CopyResult> {
    let copied = match attempt(context, event, true).await? {
        Some(copied) => copied,
        // What is in place was made by another version of the encoder: rewrite it.
        None => attempt(context, event, false).await?.ok_or_else(|| {
            Error::internal("new copy was refused").with("key", &event.validated.key)
        })?,
    };
    let (raw, bronze, summary) = copied;
    let ledger = LedgerEntry {
        stage: Stage::Upload,
        dataset: event.dataset,
        rows_in: summary.rows,
        rows_loaded: summary.rows,
        rows_quarantined: 0,
        rows_unchanged: 0,
        rows_replaced: 0,
    };
    let dimensions = [("Dataset", event.dataset.name())];
    invocation.metrics.count("RowsIn", ledger.rows_in, &dimensions);
    invocation.metrics.count("RowsLoaded", ledger.rows_loaded, &dimensions);
    invocation.metrics.count("BytesIn", event.validated.bytes, &dimensions);
    tracing::info!(
        part = event.part,
        rows = summary.rows,
        raw_bytes = raw.bytes,
        bronze_bytes = bronze.bytes,
        "copied"
    );
    let entry = ManifestEntry {
        dataset: event.dataset,
        part: event.part,
        source: event.source.clone(),
        raw,
        bronze,
        rows: summary.rows,
        time_range: summary.time_range,
    };
    Ok(CopyResult { entry, ledger })
}

/// Streams the file once; nothing is visible before all of it was read, checked and encoded.
async fn attempt(
    context: &Context,
    event: &CopyEvent,
    reuse: bool,
) -> Result<Option<(StoredObject, StoredObject, Summary)>> {
    let reader = context.storage.read(&event.validated.reference()).await?;
    let (mut raw, mut bronze) = open_sinks(context, event, reuse).await?;
    let (chunks, incoming) = mpsc::channel(WAITING_CHUNKS);
    let (outgoing, pages) = mpsc::channel(WAITING_CHUNKS);
    let owned = event.clone();
    let conversion = blocking(move || {
        bronze::convert(&owned, ChunkReader::new(incoming), ChunkWriter::new(outgoing))
    });
    let ((), (), summary) = tokio::try_join!(
        feed(reader, &mut raw, chunks),
        drain(pages, &mut bronze),
        // Not part of the early exit: damaged input is reported as such, not as a wrong value.
        async { Ok(conversion.await) },
    )?;
    let sha256 = raw.sha256();
    if sha256 != event.validated.sha256 {
        return Err(Error::new(
            ErrorKind::TransientStorage,
            "content read differs from what was validated",
        )
        .with("key", &event.validated.key)
        .with("expected_sha256", &event.validated.sha256)
        .with("sha256", sha256));
    }
    let summary = summary?;
    let (raw, bronze) = tokio::try_join!(raw.finish(), bronze.finish())?;
    Ok(raw.zip(bronze).map(|(raw, bronze)| (raw, bronze, summary)))
}

async fn open_sinks(context: &Context, event: &CopyEvent, reuse: bool) -> Result<(Sink, Sink)> {
    let raw_key = keys::raw(&event.run, event.dataset, event.part);
    let raw_type = match event.dataset.format() {
        Format::Csv => "text/csv",
        Format::JsonLines => "application/x-ndjson",
    };
    let raw_mark = Fingerprint { name: CONTENT_METADATA, value: &event.validated.sha256 };
    let bronze_key = keys::bronze(&event.run, event.dataset, event.part);
    let origin = fingerprint(event)?;
    let bronze_mark = Fingerprint { name: SOURCE_METADATA, value: &origin };
    tokio::try_join!(
        Sink::twin(
            &context.storage,
            &event.validated,
            (&context.landing, &raw_key),
            raw_type,
            &raw_mark,
            reuse,
        ),
        Sink::open(
            &context.storage,
            &context.lake,
            &bronze_key,
            parquet::CONTENT_TYPE,
            &bronze_mark,
            reuse,
        ),
    )
}

/// Everything the bytes of the bronze file follow from, as one SHA-256.
fn fingerprint(event: &CopyEvent) -> Result<String> {
    let parts = (
        bronze::FORMAT,
        &event.run,
        event.part,
        event.dataset,
        &event.source,
        &event.validated.sha256,
    );
    let text =
        serde_json::to_vec(&parts).or_error(ErrorKind::Internal, "encode fingerprint failed")?;
    Ok(hex::encode(Sha256::digest(text)))
}

/// Passes the content on, both to the raw copy and to the conversion.
async fn feed(mut reader: ObjectReader, raw: &mut Sink, chunks: mpsc::Sender<Bytes>) -> Result<()> {
    while let Some(chunk) = reader.next().await? {
        raw.write(&chunk).await?;
        // A conversion that gave up has closed the channel; the hash of the content still decides
        // whether it is to blame.
        let _ = chunks.send(chunk).await;
    }
    Ok(())
}

async fn drain(mut pages: mpsc::Receiver<Bytes>, bronze: &mut Sink) -> Result<()> {
    while let Some(page) = pages.recv().await {
        bronze.write(&page).await?;
    }
    Ok(())
}
