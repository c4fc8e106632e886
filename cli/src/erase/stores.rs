//! The buckets of the stack, folder by folder and version by version.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::{StreamExt, TryStreamExt, stream};
use shopflow_core::contract::CdcResult;
use shopflow_core::natural_key::NaturalKeys;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};
use shopflow_lake::Silver;
use tokio_postgres::Client;

use super::columns::{Eraser, Rows};
use super::lake;
use super::objects::{self, Look, Version};
use super::person::{Needles, Values};
use super::proof::Objects;
use super::rows::Headers;
use super::shape::Shape;
use crate::target::Target;

/// Calls of change data capture until it has caught up.
const CAPTURES: usize = 1000;

/// The buckets, for one customer.
#[derive(Debug)]
pub struct Stores<'a> {
    storage: Storage,
    buckets: [String; 3],
    customer: i64,
    natural_keys: &'a NaturalKeys,
    headers: &'a Headers,
    silver: &'a Silver,
}

/// What was done to objects.
#[derive(Debug, Default)]
pub struct Done {
    pub folders: BTreeMap<String, Objects>,
    /// Keys of files of the change log that were rewritten.
    pub changes: BTreeSet<String>,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    pub versions: u64,
    pub bytes: u64,
    pub found: u64,
    pub places: Vec<String>,
}

impl<'a> Stores<'a> {
    /// The buckets of the stack; how files write keys, the columns that refused rows came under, and
    /// how silver treats values.
    ///
    /// # Errors
    /// `InvalidInput` when the stack does not name them.
    pub fn new(
        target: &Target,
        customer: i64,
        (natural_keys, headers, silver): (&'a NaturalKeys, &'a Headers, &'a Silver),
    ) -> Result<Self> {
        let stack = &target.stack;
        let buckets = [stack.landing()?, stack.lake()?, stack.reports()?].map(str::to_owned);
        Ok(Stores { storage: target.storage(), buckets, customer, natural_keys, headers, silver })
    }

    /// The values that stand in rows of the customer.
    ///
    /// # Errors
    /// `Transient.Storage`.
    pub async fn collect(&self) -> Result<Values> {
        let nothing = Needles::new(&Values::default())?;
        let mut values = Values::default();
        for (_, look) in self.look(&nothing).await? {
            values.extend(look.found);
        }
        Ok(values)
    }

    /// Rewrites the objects that have values, and removes all their versions that have.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when an object cannot be rewritten.
    pub async fn erase(&self, needles: &Needles, dry_run: bool) -> Result<Done> {
        let mut done = Done::default();
        let mut hits = Vec::new();
        for (version, look) in self.look(needles).await? {
            let of = done.folders.entry(folder(&version)).or_default();
            of.versions_searched += 1;
            of.bytes_searched += version.bytes;
            if look.rows > 0 {
                of.rows += look.rows;
                of.versions_removed += 1;
                of.objects_rewritten += u64::from(version.is_latest);
                hits.push(version);
            }
        }
        if dry_run {
            return Ok(done);
        }
        let mut tables: BTreeMap<String, Vec<&Version>> = BTreeMap::new();
        for version in hits.iter().filter(|version| version.is_latest) {
            match lake::table_of(&version.key).filter(|_| version.is_parquet()) {
                Some(table) => tables.entry(table).or_default().push(version),
                None => {
                    objects::rewrite(&self.storage, version, &self.eraser(needles)).await?;
                }
            }
        }
        for (table, versions) in &tables {
            let eraser = self.eraser(needles);
            lake::replace(&self.storage, &self.buckets[1], table, versions, &eraser).await?;
        }
        let keys = hits.iter().filter(|version| Rows::of(&version.key) == Rows::Changes);
        done.changes = keys.map(|version| version.key.clone()).collect();
        for bucket in &self.buckets {
            let of_bucket: Vec<&Version> =
                hits.iter().filter(|version| version.bucket == *bucket).collect();
            objects::remove(&self.storage, &of_bucket).await?;
        }
        Ok(done)
    }

    /// Searches every version once more.
    ///
    /// # Errors
    /// `Transient.Storage`.
    pub async fn search(&self, needles: &Needles) -> Result<Found> {
        let mut found = Found::default();
        for (version, look) in self.look(needles).await? {
            found.versions += 1;
            found.bytes += version.bytes;
            if look.rows > 0 {
                found.found += look.rows;
                found.places.push(format!(
                    "s3://{}/{} version {}",
                    version.bucket, version.key, version.version_id
                ));
            }
        }
        Ok(found)
    }

    /// Looks into every version that can have values.
    async fn look(&self, needles: &Needles) -> Result<Vec<(Version, Look)>> {
        let mut versions = Vec::new();
        for bucket in &self.buckets {
            versions.extend(objects::versions(&self.storage, bucket, "").await?);
        }
        versions.retain(|version| needles.sql().is_some() || is_of_customers(version));
        let eraser = &self.eraser(needles);
        let storage = &self.storage;
        stream::iter(versions)
            .map(|version| async move {
                let look = objects::look(storage, &version, eraser).await?;
                Ok((version, look))
            })
            .buffer_unordered(storage.concurrent_objects())
            .try_collect()
            .await
    }

    fn eraser<'b>(&'b self, needles: &'b Needles) -> Eraser<'b> {
        let Stores { customer, natural_keys, headers, silver, .. } = *self;
        Eraser { customer, natural_keys, headers, needles, silver }
    }
}

/// True for objects with rows of customers, which are told by their number.
fn is_of_customers(version: &Version) -> bool {
    match version.is_parquet() {
        true => Rows::of(&version.key) != Rows::Other,
        false => Shape::of(&version.key) != Shape::Text,
    }
}

/// `<bucket>/<first folder>`, with the second in the lake.
fn folder(version: &Version) -> String {
    let parts: Vec<&str> = version.key.split('/').collect();
    let depth = match parts.first() {
        Some(&("bronze" | "silver" | "gold")) => 2,
        _ => 1,
    };
    format!("{}/{}", version.bucket, parts[..depth.min(parts.len() - 1)].join("/"))
}

/// A run that is under way carries values from stage to stage, and one that waits would look for a
/// version that is gone.
///
/// # Errors
/// `InvalidInput` while one is.
pub async fn check_at_rest(target: &Target) -> Result<()> {
    for machine in [target.stack.pipeline()?, target.stack.backfill()?] {
        let running = target
            .sfn()
            .list_executions()
            .state_machine_arn(machine)
            .status_filter(ExecutionStatus::Running)
            .send()
            .await
            .map_err(|error| Error::aws(ErrorKind::TransientService, "list executions", error))?;
        if let Some(execution) = running.executions().first() {
            return Err(Error::invalid("a run is under way")
                .with("run_id", execution.name())
                .hint("wait until it has ended, then try again"));
        }
    }
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let queue = target
        .sqs()
        .get_queue_attributes()
        .queue_url(target.stack.output("IngestQueueUrl")?)
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await
        .map_err(|error| Error::aws(ErrorKind::TransientService, "read queue", error))?;
    let attributes = queue.attributes().cloned().unwrap_or_default();
    if attributes.values().any(|waiting| waiting != "0") {
        return Err(Error::invalid("uploads wait for their runs").hint(
            "wait until `cargo shopflow status` shows that they have ended, then try again",
        ));
    }
    Ok(())
}

/// Brings the change log up to the database, so that nothing of before is written later.
///
/// # Errors
/// `Transient.Service`, or `Internal` when change data capture fails.
pub async fn capture_changes(target: &Target, client: &Client) -> Result<()> {
    let row = client.query_one("SELECT EXISTS (SELECT FROM ops.cdc_checkpoints)", &[]).await;
    let captures: bool = row.map(|row| row.get(0)).map_err(|error| {
        let kind = ErrorKind::TransientDatabase;
        crate::local::database::refused(kind, "read the checkpoints of cdc", error)
    })?;
    if !captures {
        return Ok(());
    }
    let function = target.stack.function("cdc");
    for _ in 0..CAPTURES {
        let answer = target.invoke(&function, "{}").await?;
        if answer.function_error.is_some() {
            return Err(Error::internal("change data capture failed")
                .with("function", &function)
                .hint("look at its log, then try again"));
        }
        let result: CdcResult = serde_json::from_slice(&answer.payload)
            .or_error(ErrorKind::Internal, "answer of cdc cannot be decoded")?;
        if result.skipped.is_some() && result.mode != "off" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        } else if !result.incomplete {
            return Ok(());
        }
    }
    Err(Error::internal("change data capture is not catching up").with("function", function))
}
