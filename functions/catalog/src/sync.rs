//! One table of the catalog made to say what the lake has.

use aws_sdk_glue::types::Partition;
use shopflow_core::Result;
use shopflow_core::contract::{
    CatalogChange, CatalogChanges, CatalogDrift, CatalogDriftKind, CatalogTable,
};
use shopflow_core::runtime::Invocation;

use crate::context::RESERVE;
use crate::convert::Known;
use crate::definition::Definition;
use crate::glue::Database;
use crate::lake::LakeTable;
use crate::partitions::{self, Values};

/// What was done to a table, and what was found changed by others.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Absent while no file tells the columns of a table.
    pub(crate) table: Option<CatalogTable>,
    pub(crate) drift: Vec<CatalogDrift>,
    /// False when time ran out.
    pub(crate) complete: bool,
}

impl Outcome {
    fn nothing(complete: bool) -> Outcome {
        Outcome { table: None, drift: Vec::new(), complete }
    }
}

/// How the definition in the catalog relates to the one that is wanted.
enum Step {
    Create,
    Replace,
    /// Partitions first: the fingerprint, written last, says that everything has been done.
    Update,
    Nothing,
}

/// Creates, evolves or repairs a table with its partitions.
///
/// # Errors
/// `Transient.Service` when Glue does not answer or another run changed the same table.
pub(crate) async fn sync(
    database: &Database,
    lake: LakeTable,
    known: Option<Known>,
    invocation: &Invocation,
) -> Result<Outcome> {
    if invocation.remaining() <= RESERVE {
        return Ok(Outcome::nothing(false));
    }
    // Without a file nobody knows the columns: the table stays as it is, without partitions.
    let kept = known.as_ref().map(|known| known.definition.clone());
    let Some(wanted) = lake.definition.or(kept) else { return Ok(Outcome::nothing(true)) };
    let name = format!("{}.{}", database.name, lake.name);
    let (step, mut drift) = compare(&name, &wanted, known.as_ref())?;
    let before = known.as_ref().map(|known| known.definition.columns.as_slice());
    let columns = wanted.column_changes(before.unwrap_or_default());
    let mut dropped = 0;
    if let Step::Replace = step {
        dropped = database.partitions(&lake.name).await?.len() as u64;
        database.delete_table(&lake.name).await?;
    }
    let mut found = Default::default();
    match step {
        Step::Create | Step::Replace => database.create_table(&lake.name, &wanted).await?,
        Step::Update | Step::Nothing if wanted.keys.is_empty() => {}
        Step::Update | Step::Nothing => found = database.partitions(&lake.name).await?,
    }
    let plan = partitions::plan(&lake.partitions, &found, &wanted);
    // While the definition evolves, its partitions are behind; otherwise somebody changed them.
    if let Step::Nothing = step {
        let changed = plan.update.iter();
        drift.extend(changed.map(|(values, location)| {
            partition_drift(&name, &wanted, values, location, found.get(values))
        }));
    }
    let (mut partitions, complete) =
        partitions::apply(database, &lake.name, &wanted, plan, invocation).await?;
    partitions.dropped += dropped;
    let change = match (step, known) {
        (Step::Create, _) => CatalogChange::Created,
        (Step::Replace, _) => CatalogChange::Replaced,
        (Step::Update, Some(known)) if complete => {
            database.update_table(&wanted, &known).await?;
            CatalogChange::Updated
        }
        _ => CatalogChange::Unchanged,
    };
    let columns = match change {
        CatalogChange::Unchanged => {
            let unchanged = wanted.columns.len() as u64;
            CatalogChanges { unchanged, ..CatalogChanges::default() }
        }
        _ => columns,
    };
    let table = CatalogTable { table: name, change, columns, partitions };
    Ok(Outcome { table: Some(table), drift, complete })
}

/// Whether the table has to be written, and what somebody else changed in it: the fingerprint of
/// what is there is not the one that was recorded with it.
fn compare(
    name: &str,
    wanted: &Definition,
    known: Option<&Known>,
) -> Result<(Step, Vec<CatalogDrift>)> {
    let Some(known) = known else { return Ok((Step::Create, Vec::new())) };
    let recorded = known.recorded.as_deref();
    let mut drift = Vec::new();
    if recorded != Some(&known.definition.fingerprint()?) {
        let differences = wanted.differences(&known.definition).into_iter();
        drift.extend(differences.map(|difference| CatalogDrift {
            table: name.to_owned(),
            kind: difference.kind,
            subject: difference.subject,
            expected: difference.expected,
            found: difference.found,
        }));
    }
    let step = if !known.external || !wanted.same_keys(&known.definition) {
        Step::Replace
    } else if *wanted != known.definition || recorded != Some(&wanted.fingerprint()?) {
        Step::Update
    } else {
        Step::Nothing
    };
    Ok((step, drift))
}

fn partition_drift(
    name: &str,
    wanted: &Definition,
    values: &Values,
    location: &str,
    found: Option<&Partition>,
) -> CatalogDrift {
    let storage = found.and_then(Partition::storage_descriptor);
    let columns = storage.map(|storage| storage.columns().len()).unwrap_or_default();
    let place = storage.and_then(|storage| storage.location()).unwrap_or_default();
    CatalogDrift {
        table: name.to_owned(),
        kind: CatalogDriftKind::Partition,
        subject: values.join("/"),
        expected: format!("{location} with {} columns", wanted.columns.len()),
        found: format!("{place} with {columns} columns"),
    }
}
