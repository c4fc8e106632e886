//! Where a copy goes: a new object, or the one an earlier attempt already wrote.

use sha2::{Digest, Sha256};
use shopflow_core::contract::StoredObject;
use shopflow_core::storage::{COPY_BYTES, ObjectInfo, ObjectWriter};
use shopflow_core::{ErrorKind, ObjectRef, Result, Storage};

/// What identifies the content of an object before the first byte is written.
pub(crate) struct Fingerprint<'a> {
    /// Name of the user metadata that holds it.
    pub(crate) name: &'static str,
    pub(crate) value: &'a str,
}

/// Takes the bytes of one object. With an object of the same fingerprint in place nothing is
/// written: the bytes are only hashed, so that a repeated event answers with the same version.
pub(crate) enum Sink {
    New(Box<ObjectWriter>),
    Existing(Box<Existing>),
    Twin(Box<Twin>),
}

/// An object with the bytes of another one, which S3 copies by itself: nothing is sent to it.
pub(crate) struct Twin {
    storage: Storage,
    source: ObjectRef,
    object: ObjectRef,
    content_type: &'static str,
    metadata: (&'static str, String),
    bytes: u64,
    hasher: Sha256,
}

/// An object in place and what would have been written over it.
pub(crate) struct Existing {
    object: ObjectRef,
    info: ObjectInfo,
    bytes: u64,
    hasher: Sha256,
}

impl Sink {
    /// Opens the sink for `key`; `reuse: false` writes a new version in any case.
    pub(crate) async fn open(
        storage: &Storage,
        bucket: &str,
        key: &str,
        content_type: &'static str,
        fingerprint: &Fingerprint<'_>,
        reuse: bool,
    ) -> Result<Sink> {
        if reuse {
            let object = latest(bucket, key);
            let found = find(storage, &object).await?.filter(|info| {
                info.metadata.get(fingerprint.name).is_some_and(|value| value == fingerprint.value)
            });
            if let Some(info) = found {
                let existing = Existing { object, info, bytes: 0, hasher: Sha256::new() };
                return Ok(Sink::Existing(Box::new(existing)));
            }
        }
        let writer =
            storage.write(bucket, key, content_type).metadata(fingerprint.name, fingerprint.value);
        Ok(Sink::New(Box::new(writer)))
    }

    /// Opens the sink for an object with the bytes of `source`, all of which will pass through it.
    /// One of more than [`COPY_BYTES`] is written.
    pub(crate) async fn twin(
        storage: &Storage,
        source: &StoredObject,
        (bucket, key): (&str, &str),
        content_type: &'static str,
        fingerprint: &Fingerprint<'_>,
        reuse: bool,
    ) -> Result<Sink> {
        let sink = Sink::open(storage, bucket, key, content_type, fingerprint, reuse).await?;
        if source.bytes > COPY_BYTES || !matches!(sink, Sink::New(_)) {
            return Ok(sink);
        }
        Ok(Sink::Twin(Box::new(Twin {
            storage: storage.clone(),
            source: source.reference(),
            object: latest(bucket, key),
            content_type,
            metadata: (fingerprint.name, fingerprint.value.to_owned()),
            bytes: 0,
            hasher: Sha256::new(),
        })))
    }

    pub(crate) async fn write(&mut self, content: &[u8]) -> Result<()> {
        match self {
            Sink::New(writer) => writer.write(content).await,
            Sink::Existing(existing) => {
                existing.hasher.update(content);
                existing.bytes += content.len() as u64;
                Ok(())
            }
            Sink::Twin(twin) => {
                twin.hasher.update(content);
                twin.bytes += content.len() as u64;
                Ok(())
            }
        }
    }

    /// SHA-256 of what was written so far, lower-case hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        match self {
            Sink::New(writer) => writer.sha256(),
            Sink::Existing(existing) => hex::encode(existing.hasher.clone().finalize()),
            Sink::Twin(twin) => hex::encode(twin.hasher.clone().finalize()),
        }
    }

    /// Makes the object visible. `None` when the object in place is not what this attempt made,
    /// as after an upgrade of the encoder: open the sink again without reuse.
    pub(crate) async fn finish(self) -> Result<Option<StoredObject>> {
        match self {
            Sink::New(writer) => writer.finish().await.map(Some),
            Sink::Twin(twin) => twin.copy().await.map(Some),
            Sink::Existing(existing) if existing.info.bytes != existing.bytes => Ok(None),
            Sink::Existing(existing) => Ok(Some(StoredObject {
                bucket: existing.object.bucket,
                key: existing.object.key,
                version_id: version(existing.info.version_id),
                bytes: existing.bytes,
                sha256: hex::encode(existing.hasher.finalize()),
            })),
        }
    }
}

impl Twin {
    /// Has S3 copy the source.
    async fn copy(self) -> Result<StoredObject> {
        let ObjectRef { bucket, key, .. } = self.object;
        let (name, value) = &self.metadata;
        let copied = self.storage.copy(
            &self.source,
            (&bucket, &key),
            self.content_type,
            (name, value.as_str()),
        );
        let version_id = copied.await?;
        let sha256 = hex::encode(self.hasher.finalize());
        Ok(StoredObject { bucket, key, version_id, bytes: self.bytes, sha256 })
    }
}

/// The latest version of an object.
fn latest(bucket: &str, key: &str) -> ObjectRef {
    ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version_id: None }
}

/// Metadata of an object, `None` when there is no such object.
pub(crate) async fn find(storage: &Storage, object: &ObjectRef) -> Result<Option<ObjectInfo>> {
    match storage.head(object).await {
        Ok(info) => Ok(Some(info)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(error),
    }
}

/// The version as a write reports it: none in a bucket without versioning.
pub(crate) fn version(version_id: String) -> Option<String> {
    Some(version_id).filter(|version| version != "null")
}
