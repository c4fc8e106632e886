//! The partitions of one table: what Glue lists against what the lake has.

use std::collections::BTreeMap;

use aws_sdk_glue::types::Partition;
use futures::{StreamExt, TryStreamExt, stream};
use shopflow_core::Result;
use shopflow_core::contract::CatalogChanges;
use shopflow_core::runtime::Invocation;

use crate::context::RESERVE;
use crate::convert::{is_current, partition_input};
use crate::definition::Definition;
use crate::glue::{BATCH, Database};

/// Calls that drop a partition at the same time.
const DROPS_AT_ONCE: usize = 8;

/// Values of the partition keys.
pub(crate) type Values = Vec<String>;

/// What has to be written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) create: Vec<(Values, String)>,
    pub(crate) update: Vec<(Values, String)>,
    pub(crate) drop: Vec<Values>,
    pub(crate) unchanged: u64,
}

/// Compares; a partition that is as it should be is not written.
pub(crate) fn plan(
    wanted: &BTreeMap<Values, String>,
    found: &BTreeMap<Values, Partition>,
    definition: &Definition,
) -> Plan {
    let mut plan = Plan::default();
    for (values, location) in wanted {
        match found.get(values) {
            None => plan.create.push((values.clone(), location.clone())),
            Some(there) if is_current(there, location, definition) => plan.unchanged += 1,
            Some(_) => plan.update.push((values.clone(), location.clone())),
        }
    }
    plan.drop = found.keys().filter(|values| !wanted.contains_key(*values)).cloned().collect();
    plan
}

/// Writes what the plan says; what was done, and whether it was all.
///
/// # Errors
/// `Transient.Service` when Glue does not answer or another run changed the same partitions.
pub(crate) async fn apply(
    database: &Database,
    table: &str,
    definition: &Definition,
    plan: Plan,
    invocation: &Invocation,
) -> Result<(CatalogChanges, bool)> {
    let mut done = CatalogChanges { unchanged: plan.unchanged, ..CatalogChanges::default() };
    let in_time = || invocation.remaining() > RESERVE;
    let inputs = |batch: &[(Values, String)]| {
        let inputs =
            batch.iter().map(|(values, location)| partition_input(values, location, definition));
        inputs.collect::<Result<Vec<_>>>()
    };
    for batch in plan.create.chunks(BATCH) {
        if !in_time() {
            return Ok((done, false));
        }
        database.create_partitions(table, inputs(batch)?).await?;
        done.created += batch.len() as u64;
    }
    for batch in plan.update.chunks(BATCH) {
        if !in_time() {
            return Ok((done, false));
        }
        database.update_partitions(table, inputs(batch)?).await?;
        done.updated += batch.len() as u64;
    }
    for batch in plan.drop.chunks(BATCH) {
        if !in_time() {
            return Ok((done, false));
        }
        stream::iter(batch.to_vec())
            .map(|values| async move { database.drop_partition(table, &values).await })
            .buffer_unordered(DROPS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        done.dropped += batch.len() as u64;
    }
    Ok((done, true))
}
