//! One call: what the lake has beside what Glue says.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use shopflow_core::Result;
use shopflow_core::contract::{
    CatalogChange, CatalogDrift, CatalogDriftKind, CatalogEvent, CatalogResult,
};
use shopflow_core::runtime::Invocation;

use crate::context::Context;
use crate::convert::Known;
use crate::lake::{self, LakeTable, Layer};
use crate::sync::{Outcome, sync};

/// Tables that are read or written at the same time: few enough for Glue's default quotas.
const TABLES_AT_ONCE: usize = 8;
/// Drift that a result lists; the rest is counted and logged.
const DRIFT_LISTED: usize = 100;

/// Makes the catalog say what the lake has. A second call writes nothing.
///
/// # Errors
/// `Transient.Service` when Glue does not answer, or another run changed the same table;
/// `Transient.Storage` when S3 does not answer; `InvalidInput` when a manifest cannot be decoded or
/// names a file that does not exist; `Internal` when a file is damaged.
pub async fn handle(
    context: &Context,
    event: CatalogEvent,
    invocation: &Invocation,
) -> Result<CatalogResult> {
    let mut result = CatalogResult::default();
    let mut drift = Vec::new();
    let mut known: BTreeMap<(Layer, String), Known> = BTreeMap::new();
    for layer in Layer::ALL {
        let there = open_database(context, layer, &mut result, &mut drift).await?;
        known.extend(there.into_iter().map(|(name, table)| ((layer, name), table)));
    }
    let mut tables = read_lake(context).await?;
    tables.extend(emptied_tables(context, &known, &tables));
    let mut work = Vec::new();
    for table in tables {
        let there = known.remove(&(table.layer, table.name.clone()));
        work.push((context.database(table.layer), table, there));
    }
    drift.extend(unknown_tables(context, known));
    let outcomes: Vec<Outcome> =
        stream::iter(work)
            .map(|(database, table, there)| async move {
                sync(&database, table, there, invocation).await
            })
            .buffer_unordered(TABLES_AT_ONCE)
            .try_collect()
            .await?;
    for outcome in outcomes {
        result.incomplete |= !outcome.complete;
        drift.extend(outcome.drift);
        result.tables.extend(outcome.table);
    }
    finish(&mut result, drift, &event, invocation);
    Ok(result)
}

/// Creates or corrects a database; the tables that it has.
async fn open_database(
    context: &Context,
    layer: Layer,
    result: &mut CatalogResult,
    drift: &mut Vec<CatalogDrift>,
) -> Result<BTreeMap<String, Known>> {
    let database = context.database(layer);
    let location = format!("s3://{}/{}/", context.lake, layer.name());
    let wanted = (layer.description().to_owned(), location);
    let Some(found) = database.get().await? else {
        database.create(&wanted.0, &wanted.1).await?;
        result.databases.created += 1;
        return Ok(BTreeMap::new());
    };
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let differences = [
        (CatalogDriftKind::Description, wanted.0.clone(), text(found.description())),
        (CatalogDriftKind::Location, wanted.1.clone(), text(found.location_uri())),
    ];
    let before = drift.len();
    drift.extend(differences.into_iter().filter(|(_, wanted, found)| wanted != found).map(
        |(kind, expected, found)| CatalogDrift {
            table: database.name.clone(),
            kind,
            subject: String::new(),
            expected,
            found,
        },
    ));
    if drift.len() == before {
        result.databases.unchanged += 1;
    } else {
        database.update(&wanted.0, &wanted.1, found).await?;
        result.databases.updated += 1;
    }
    database.tables().await
}

async fn read_lake(context: &Context) -> Result<Vec<LakeTable>> {
    let sources = lake::sources(&context.storage, &context.lake).await?;
    stream::iter(sources)
        .map(|source| source.read(&context.storage, &context.lake, &context.privacy))
        .buffered(TABLES_AT_ONCE)
        .try_collect()
        .await
}

/// Tables of this function whose folders are gone: they keep their columns and lose their
/// partitions, as tables without files do.
fn emptied_tables(
    context: &Context,
    known: &BTreeMap<(Layer, String), Known>,
    tables: &[LakeTable],
) -> Vec<LakeTable> {
    let present: BTreeSet<(Layer, &str)> =
        tables.iter().map(|table| (table.layer, table.name.as_str())).collect();
    let gone = known.iter().filter(|((layer, name), known)| {
        let place = lake::location_of(&context.lake, *layer, name);
        !present.contains(&(*layer, name.as_str()))
            && known.recorded.is_some()
            && known.definition.location == place
    });
    gone.map(|((layer, name), _)| LakeTable {
        layer: *layer,
        name: name.clone(),
        definition: None,
        partitions: BTreeMap::new(),
    })
    .collect()
}

/// Tables over the lake that the lake does not have. Views and tables over other places are other
/// people's.
fn unknown_tables(
    context: &Context,
    left: BTreeMap<(Layer, String), Known>,
) -> impl Iterator<Item = CatalogDrift> {
    let lake = format!("s3://{}/", context.lake);
    let over_lake =
        move |known: &Known| known.external && known.definition.location.starts_with(&lake);
    let prefix = context.prefix.clone();
    left.into_iter().filter(move |(_, known)| over_lake(known)).map(
        move |((layer, name), known)| CatalogDrift {
            table: format!("{prefix}_{}.{name}", layer.name()),
            kind: CatalogDriftKind::UnknownTable,
            subject: String::new(),
            expected: String::new(),
            found: known.definition.location,
        },
    )
}

fn finish(
    result: &mut CatalogResult,
    mut drift: Vec<CatalogDrift>,
    event: &CatalogEvent,
    invocation: &Invocation,
) {
    result.tables.sort_by(|a, b| a.table.cmp(&b.table));
    drift.sort_by(|a, b| (&a.table, a.kind, &a.subject).cmp(&(&b.table, b.kind, &b.subject)));
    let written = |change| u64::from(change != CatalogChange::Unchanged);
    let tables = result.tables.iter();
    result.writes = result.databases.writes()
        + tables.map(|table| written(table.change) + table.partitions.writes()).sum::<u64>();
    result.drift_count = drift.len() as u64;
    for one in &drift {
        let (kind, expected, found) = (one.kind, &one.expected, &one.found);
        let (table, subject) = (&one.table, &one.subject);
        tracing::warn!(table, ?kind, subject, expected, found, "catalog was changed by others");
    }
    drift.truncate(DRIFT_LISTED);
    result.drift = drift;
    invocation.metrics.count("CatalogDrift", result.drift_count, &[]);
    invocation.metrics.count("CatalogWrites", result.writes, &[]);
    tracing::info!(
        run_date = %event.run.run_date,
        tables = result.tables.len(),
        writes = result.writes,
        drift = result.drift_count,
        incomplete = result.incomplete,
        "catalog is in step"
    );
}
