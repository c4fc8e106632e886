//! The manifest of a run: written last, so that whoever finds it finds everything it lists.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use shopflow_core::contract::{Manifest, PublishEvent, PublishResult, StoredObject};
use shopflow_core::dataset::Role;
use shopflow_core::{Dataset, Error, ObjectRef, Result, Storage, keys};

use crate::Context;
use crate::sink::{find, version};

/// Checks that every copy is there and writes the manifest; with the same manifest in place its
/// version is the answer.
///
/// # Errors
/// See [`crate::handle`].
pub(crate) async fn publish(context: &Context, event: PublishEvent) -> Result<PublishResult> {
    let manifest = assemble(event)?;
    verify_copies(&context.storage, &manifest).await?;
    let key = keys::manifest(&manifest.run);
    let version_id = match find_same(context, &key, &manifest).await? {
        Some(version_id) => version_id,
        None => context.storage.write_json(&context.landing, &key, &manifest).await?.version_id,
    };
    let rows = manifest.entries.iter().map(|entry| entry.rows).sum();
    let objects = manifest.entries.len() as u64;
    tracing::info!(objects, rows, key, "published");
    let bucket = context.landing.clone();
    let datasets: BTreeSet<Dataset> = manifest.entries.iter().map(|entry| entry.dataset).collect();
    let (stored, lake_only): (Vec<Dataset>, _) =
        datasets.into_iter().partition(|dataset| dataset.is_stored());
    let (entities, events) =
        stored.into_iter().partition(|dataset| matches!(dataset.role(), Role::Entity(_)));
    let manifest = ObjectRef { bucket, key, version_id };
    Ok(PublishResult { manifest, objects, rows, entities, events, lake_only })
}

fn assemble(event: PublishEvent) -> Result<Manifest> {
    let PublishEvent { run, mut entries } = event;
    entries.sort_by_key(|entry| entry.part);
    let mut parts = BTreeSet::new();
    for entry in &entries {
        if !parts.insert(entry.part) {
            return Err(Error::invalid("two entries have the same part").with("part", entry.part));
        }
        let expected = keys::raw(&run, entry.dataset, entry.part);
        if entry.raw.key != expected {
            return Err(Error::invalid("entry belongs to another run or part")
                .with("key", &entry.raw.key)
                .with("expected", expected));
        }
    }
    Ok(Manifest { run, entries })
}

async fn verify_copies(storage: &Storage, manifest: &Manifest) -> Result<()> {
    let copies = manifest.entries.iter().flat_map(|entry| [&entry.raw, &entry.bronze]);
    let checks: Vec<_> = copies.map(|copy| verify(storage, copy)).collect();
    futures::stream::iter(checks)
        .buffer_unordered(storage.concurrent_objects())
        .try_collect::<()>()
        .await
}

async fn verify(storage: &Storage, copy: &StoredObject) -> Result<()> {
    let info = storage.head(&copy.reference()).await?;
    if info.bytes == copy.bytes {
        return Ok(());
    }
    Err(Error::invalid("object does not have the size its entry says")
        .with("key", &copy.key)
        .with("bytes", info.bytes)
        .with("expected", copy.bytes))
}

/// The version of the manifest in place when it says the same; `Some(None)` without versioning.
async fn find_same(
    context: &Context,
    key: &str,
    manifest: &Manifest,
) -> Result<Option<Option<String>>> {
    let latest =
        ObjectRef { bucket: context.landing.clone(), key: key.to_owned(), version_id: None };
    let Some(info) = find(&context.storage, &latest).await? else { return Ok(None) };
    let version_id = version(info.version_id);
    let found: Manifest =
        context.storage.read_json(&ObjectRef { version_id: version_id.clone(), ..latest }).await?;
    Ok((found == *manifest).then_some(version_id))
}
