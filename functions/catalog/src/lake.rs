//! What the lake holds: its tables, their definitions and their partitions.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::Schema;
use shopflow_core::privacy::Privacy;
use shopflow_core::{Dataset, Error, ErrorKind, Result, Storage, keys};
use shopflow_lake::days::{MONTH, days_of_month};
use shopflow_lake::{FileEntry, Table, TableManifest, schema};

use crate::definition::Definition;
use crate::{comments, footer, tags};

/// Days of a change log, from the latest, that are searched for a published file.
const DAYS_SEARCHED: usize = 7;

/// Begin of the names of tables that are change logs.
const CHANGES: &str = "changes_";

/// A layer of the lake, each a database of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Bronze,
    Silver,
    Gold,
}

impl Layer {
    pub(crate) const ALL: [Layer; 3] = [Layer::Bronze, Layer::Silver, Layer::Gold];

    /// The name of its folder, and the last part of its database's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Layer::Bronze => "bronze",
            Layer::Silver => "silver",
            Layer::Gold => "gold",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Layer::Bronze => "What arrived, with where it came from; personal values in clear",
            Layer::Silver => "One row per key and moment; personal values treated",
            Layer::Gold => "The star schema and what is computed from it",
        }
    }
}

/// A table as it is in the lake.
#[derive(Debug)]
pub(crate) struct LakeTable {
    pub(crate) layer: Layer,
    pub(crate) name: String,
    /// Absent while no file tells the columns.
    pub(crate) definition: Option<Definition>,
    /// From the values of the partition keys to the location; empty for an unpartitioned table.
    pub(crate) partitions: BTreeMap<Vec<String>, String>,
}

/// Where a table's definition and partitions come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The dataset's definition; the folders of the days.
    Bronze(Dataset),
    /// A published file of the change log of a table of `core`; the folders of the days.
    Changes(String),
    /// The dataset's definition; the manifest.
    Silver(Dataset),
    /// The newest file that the manifest lists; the manifest.
    Gold(String),
}

/// Every table of the lake.
///
/// # Errors
/// `Transient.Storage` when S3 does not answer.
pub(crate) async fn sources(storage: &Storage, lake: &str) -> Result<Vec<Source>> {
    let mut all: Vec<Source> = Vec::new();
    all.extend(Dataset::all().map(Source::Bronze));
    all.extend(Dataset::all().map(Source::Silver));
    let changes = folders(storage, lake, "bronze/_changes/").await?;
    all.extend(changes.into_iter().map(Source::Changes));
    let gold = folders(storage, lake, "gold/").await?;
    // Query engines skip such names, too.
    let gold = gold.into_iter().filter(|name| !name.starts_with(['_', '.']));
    all.extend(gold.map(Source::Gold));
    Ok(all)
}

impl Source {
    /// Reads the table.
    ///
    /// # Errors
    /// `Transient.Storage`; `InvalidInput` when a manifest cannot be decoded or a file that it
    /// lists is missing; `Internal` when a file is damaged.
    pub(crate) async fn read(
        self,
        storage: &Storage,
        lake: &str,
        privacy: &Privacy,
    ) -> Result<LakeTable> {
        match self {
            Source::Bronze(dataset) => {
                let prefix = format!("bronze/{dataset}");
                let location = location(lake, &prefix);
                let definition = Definition::new(
                    location.clone(),
                    &format!("{dataset} as they arrived: every row of every run"),
                    &schema::bronze(dataset),
                    &["ingest_date".to_owned()],
                    |name| (of_dataset(dataset, name), tags::of_bronze(privacy, dataset, name)),
                )?;
                let days = folders(storage, lake, &format!("{prefix}/")).await?;
                Ok(LakeTable {
                    layer: Layer::Bronze,
                    name: dataset.name().to_owned(),
                    definition: Some(definition),
                    partitions: partitions(&location, days.iter())?,
                })
            }
            Source::Silver(dataset) => {
                let prefix = keys::silver_table(dataset);
                let table = Table::open(storage, lake, &prefix).await?;
                let location = location(lake, &prefix);
                let folders = folders_of_silver(table.manifest());
                let key = vec![MONTH.to_owned()];
                let definition = Definition::new(
                    location.clone(),
                    &format!("{dataset}: one row per key and moment, personal values treated"),
                    &schema::silver(dataset),
                    &if folders.is_empty() { key } else { key_names(folders.iter().copied())? },
                    |name| (of_dataset(dataset, name), tags::of_silver(privacy, dataset, name)),
                )?;
                Ok(LakeTable {
                    layer: Layer::Silver,
                    name: dataset.name().to_owned(),
                    definition: Some(definition),
                    partitions: partitions(&location, folders.into_iter())?,
                })
            }
            Source::Changes(table) => read_changes(storage, lake, table).await,
            Source::Gold(name) => read_gold(storage, lake, name, privacy).await,
        }
    }
}

/// The folders of silver: its months. In a lake of an earlier release, which had a folder per day,
/// those are shown until `transform` has made months of them.
fn folders_of_silver(manifest: &TableManifest) -> Vec<&String> {
    let folders = || manifest.partitions.keys();
    let months: Vec<&String> = folders().filter(|name| days_of_month(name).is_some()).collect();
    if months.is_empty() { folders().collect() } else { months }
}

async fn read_changes(storage: &Storage, lake: &str, table: String) -> Result<LakeTable> {
    let prefix = format!("bronze/_changes/{table}");
    let location = location(lake, &prefix);
    let days = folders(storage, lake, &format!("{prefix}/")).await?;
    let mut definition = None;
    for day in days.iter().rev().take(DAYS_SEARCHED) {
        let folder = format!("{prefix}/{day}");
        let log = Table::open(storage, lake, &folder).await?;
        let Some(schema) = newest_schema(storage, &log).await? else { continue };
        definition = Some(Definition::new(
            location.clone(),
            &format!("Change log of core.{table}: every insert, update and delete"),
            &schema,
            &["ingest_date".to_owned()],
            |name| (of_change_log(name), tags::of_changes(name)),
        )?);
        break;
    }
    Ok(LakeTable {
        layer: Layer::Bronze,
        name: format!("{CHANGES}{table}"),
        definition,
        partitions: partitions(&location, days.iter())?,
    })
}

async fn read_gold(
    storage: &Storage,
    lake: &str,
    name: String,
    privacy: &Privacy,
) -> Result<LakeTable> {
    let prefix = keys::gold_table(&name);
    let table = Table::open(storage, lake, &prefix).await?;
    let location = location(lake, &prefix);
    let folders = || table.manifest().partitions.keys().filter(|folder| !folder.is_empty());
    let definition = match newest_schema(storage, &table).await? {
        None => None,
        Some(schema) => Some(Definition::new(
            location.clone(),
            comments::of_table(&name).unwrap_or_default(),
            &schema,
            &key_names(folders())?,
            |column| (comments::of_column(&name, column), tags::of_gold(privacy, column)),
        )?),
    };
    let partitions = partitions(&location, folders())?;
    Ok(LakeTable { layer: Layer::Gold, name, definition, partitions })
}

/// [`schema_of_newest`], or `Transient.Storage` when another run replaced the files meanwhile.
async fn newest_schema(storage: &Storage, table: &Table) -> Result<Option<Schema>> {
    let outcome = schema_of_newest(storage, table).await;
    let Err(error) = outcome else { return outcome };
    if error.kind() != ErrorKind::InvalidInput {
        return Err(error);
    }
    let now = Table::open(storage, table.bucket(), &table.manifest().table).await?;
    // A file is missing: that is a race if the table no longer lists it, and damage if it does.
    Err(if now.manifest() == table.manifest() { error } else { now.conflict() })
}

/// The schema of the file that was written last among those of the manifest: that of the latest
/// definition. The names of files come from their content and tell no order.
async fn schema_of_newest(storage: &Storage, table: &Table) -> Result<Option<Schema>> {
    let listed: BTreeMap<&str, &FileEntry> =
        table.manifest().files().map(|file| (file.key.as_str(), file)).collect();
    if listed.is_empty() {
        return Ok(None);
    }
    let prefix = format!("{}/", table.manifest().table);
    let mut newest = None;
    let mut pages = storage
        .client()
        .list_objects_v2()
        .bucket(table.bucket())
        .prefix(&prefix)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "list objects", error).with("prefix", &prefix)
        })?;
        for object in page.contents() {
            let Some(file) = object.key().and_then(|key| listed.get(key)) else { continue };
            let modified = object.last_modified().map(|time| (time.secs(), time.subsec_nanos()));
            newest = newest.max(Some((modified, &file.key, file.bytes)));
        }
    }
    let Some((_, key, bytes)) = newest else {
        return Err(Error::invalid("files of a table are missing")
            .with("table", &table.manifest().table)
            .hint("restore them from the bucket's versions"));
    };
    footer::schema(storage, table.bucket(), key, bytes).await.map(Some)
}

/// The names of the folders right below `prefix`, sorted.
async fn folders(storage: &Storage, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    let mut pages = storage
        .client()
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .delimiter("/")
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "list folders", error)
                .with("bucket", bucket)
                .with("prefix", prefix)
        })?;
        let found = page.common_prefixes().iter().filter_map(|folder| folder.prefix());
        names.extend(found.filter_map(|folder| {
            folder.strip_prefix(prefix).map(|name| name.trim_end_matches('/').to_owned())
        }));
    }
    // The change log is no day of a dataset.
    names.remove("_changes");
    Ok(names.into_iter().collect())
}

/// Where the files of a table are.
pub(crate) fn location_of(bucket: &str, layer: Layer, name: &str) -> String {
    match name.strip_prefix(CHANGES) {
        Some(table) if layer == Layer::Bronze => {
            location(bucket, &format!("bronze/_changes/{table}"))
        }
        _ => location(bucket, &format!("{}/{name}", layer.name())),
    }
}

fn location(bucket: &str, prefix: &str) -> String {
    format!("s3://{bucket}/{prefix}/")
}

/// The names of the partition keys, from the folders (`month=2024-01`).
fn key_names<'a>(mut folders: impl Iterator<Item = &'a String>) -> Result<Vec<String>> {
    let Some(folder) = folders.next() else { return Ok(Vec::new()) };
    folder.split('/').map(|part| pair(part).map(|(name, _)| name.to_owned())).collect()
}

fn partitions<'a>(
    location: &str,
    folders: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<Vec<String>, String>> {
    folders
        .map(|folder| {
            let values: Result<Vec<String>> = folder
                .split('/')
                .map(|part| pair(part).map(|(_, value)| value.to_owned()))
                .collect();
            Ok((values?, format!("{location}{folder}/")))
        })
        .collect()
}

fn pair(part: &str) -> Result<(&str, &str)> {
    part.split_once('=').ok_or_else(|| {
        Error::invalid("folder of a partition is not <key>=<value>").with("folder", part)
    })
}

fn of_dataset(dataset: Dataset, name: &str) -> Option<&'static str> {
    let own = dataset.columns().iter().find(|column| column.name == name);
    own.map(|column| column.description).or_else(|| schema::origin_comment(name))
}

/// What the columns of the change log mean; functions/cdc/README.md has the whole story.
fn of_change_log(name: &str) -> Option<&'static str> {
    Some(match name {
        "op" => {
            "c insert, u update, d delete, t truncate, s begin of a snapshot, r its row, w by watermark"
        }
        "lsn" => "place of the change in the server's log, in bytes",
        "commit_lsn" => "place of its commit in the server's log, in bytes",
        "xid" => "transaction",
        "commit_ts" => "moment of the commit",
        "seq" => "number of the change within its transaction, from 1",
        "batch" => "version of the checkpoint that made the row part of the log",
        "before" => "key or old row as a JSON object",
        "after" => "new row as a JSON object",
        "unchanged" => "columns missing in after because the change did not touch them, JSON list",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_by_its_name() {
        let place = |layer, name| location_of("lake", layer, name);
        assert_eq!(place(Layer::Gold, "fact_sales"), "s3://lake/gold/fact_sales/");
        assert_eq!(place(Layer::Bronze, "changes_products"), "s3://lake/bronze/_changes/products/");
    }

    #[test]
    fn folders_become_values_and_locations() {
        let folders = ["event_date=2024-01-15".to_owned(), "a=1/b=2".to_owned()];
        let found = partitions("s3://lake/t/", folders.iter()).unwrap();
        assert_eq!(found[&vec!["2024-01-15".to_owned()]], "s3://lake/t/event_date=2024-01-15/");
        assert_eq!(found[&vec!["1".to_owned(), "2".to_owned()]], "s3://lake/t/a=1/b=2/");
        assert_eq!(key_names(folders[1..].iter()).unwrap(), ["a", "b"]);
        assert!(partitions("s3://lake/t/", ["stray".to_owned()].iter()).is_err());
    }
}
