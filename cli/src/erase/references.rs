//! Manifests and queues that name objects by version: they follow the objects that were rewritten.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};
use shopflow_core::contract::{Manifest, ManifestEntry, StoredObject};
use shopflow_core::{Error, ErrorKind, ObjectRef, Result, ResultExt, Storage};
use tokio_postgres::Client;

use super::objects::{self, Version};

/// What the latest version of an object is.
///
/// # Errors
/// `Transient.Storage`.
pub async fn stored(storage: &Storage, version: &Version) -> Result<StoredObject> {
    let mut reader = storage.read(&version.reference()).await?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    while let Some(chunk) = reader.next().await? {
        hasher.update(&chunk);
        bytes += chunk.len() as u64;
    }
    Ok(StoredObject {
        bucket: version.bucket.clone(),
        key: version.key.clone(),
        version_id: Some(version.version_id.clone()),
        bytes,
        sha256: hex::encode(hasher.finalize()),
    })
}

/// The versions there are, and those that took the place of others.
struct Shelf {
    storage: Storage,
    /// All versions by bucket and key.
    versions: BTreeMap<(String, String), Vec<Version>>,
    known: BTreeMap<(String, String), StoredObject>,
}

impl Shelf {
    async fn open(storage: &Storage, landing: &str, lake: &str) -> Result<Shelf> {
        let mut versions: BTreeMap<(String, String), Vec<Version>> = BTreeMap::new();
        for (bucket, prefix) in [(landing, "raw/"), (lake, "bronze/")] {
            for version in objects::versions(storage, bucket, prefix).await? {
                let place = (version.bucket.clone(), version.key.clone());
                versions.entry(place).or_default().push(version);
            }
        }
        Ok(Shelf { storage: storage.clone(), versions, known: BTreeMap::new() })
    }

    /// What should stand in place of `object`, if the version it names is gone and another is
    /// there.
    async fn follow(&mut self, object: &StoredObject) -> Result<Option<StoredObject>> {
        let place = (object.bucket.clone(), object.key.clone());
        let Some(versions) = self.versions.get(&place) else { return Ok(None) };
        let named = object.version_id.as_deref();
        if named.is_none() || versions.iter().any(|there| Some(there.version_id.as_str()) == named)
        {
            return Ok(None);
        }
        let Some(latest) = versions.iter().find(|there| there.is_latest) else { return Ok(None) };
        if let Some(known) = self.known.get(&place) {
            return Ok(Some(known.clone()));
        }
        let now = stored(&self.storage, latest).await?;
        self.known.insert(place, now.clone());
        Ok(Some(now))
    }

    async fn settle(&mut self, entry: &mut ManifestEntry) -> Result<bool> {
        let mut changed = false;
        for object in [&mut entry.raw, &mut entry.bronze] {
            if let Some(now) = self.follow(object).await? {
                *object = now;
                changed = true;
            }
        }
        Ok(changed)
    }
}

/// Makes every entry of a manifest and of `ops.lake_queue` name versions that are there; the
/// entries that did not.
///
/// # Errors
/// `Transient.Storage`, `Transient.Database`.
pub async fn settle(
    storage: &Storage,
    (landing, lake): (&str, &str),
    client: &Client,
) -> Result<u64> {
    let mut shelf = Shelf::open(storage, landing, lake).await?;
    let manifests: Vec<String> = shelf
        .versions
        .iter()
        .filter(|((_, key), versions)| {
            key.contains("/_manifest/") && versions.iter().any(|version| version.is_latest)
        })
        .map(|((_, key), _)| key.clone())
        .collect();
    let mut corrected = 0;
    for key in manifests {
        let object = ObjectRef { bucket: landing.to_owned(), key, version_id: None };
        let mut manifest: Manifest = storage.read_json(&object).await?;
        let mut changed = 0;
        for entry in &mut manifest.entries {
            changed += u64::from(shelf.settle(entry).await?);
        }
        if changed > 0 {
            storage.write_json(landing, &object.key, &manifest).await?;
            corrected += changed;
        }
    }
    Ok(corrected + settle_queue(&mut shelf, client).await?)
}

async fn settle_queue(shelf: &mut Shelf, client: &Client) -> Result<u64> {
    let failed = |what: &'static str| {
        move |_| Error::new(ErrorKind::TransientDatabase, format!("{what} failed"))
    };
    let rows = client
        .query("SELECT run_id, dataset, part, entry FROM ops.lake_queue", &[])
        .await
        .map_err(failed("read the lake queue"))?;
    let mut corrected = 0;
    for row in rows {
        let mut entry: ManifestEntry = serde_json::from_value(row.get::<_, Value>(3))
            .or_error(ErrorKind::Internal, "queued entry cannot be decoded")?;
        if !shelf.settle(&mut entry).await? {
            continue;
        }
        let entry = serde_json::to_value(&entry)
            .or_error(ErrorKind::Internal, "encode queued entry failed")?;
        let (run_id, dataset, part): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
        client
            .execute(
                "UPDATE ops.lake_queue SET entry = $4
                 WHERE run_id = $1 AND dataset = $2 AND part = $3",
                &[&run_id, &dataset, &part, &entry],
            )
            .await
            .map_err(failed("correct the lake queue"))?;
        corrected += 1;
    }
    Ok(corrected)
}
