//! Grouping by one id or date, several times faster than the engine's general way.
//!
//! The engine looks every row up in a hash table, and with more groups than the processor's cache
//! holds it waits for memory twice per row. Ids and dates of a shop are dense, so a key serves as an
//! index into the table of groups ([`groups::Groups`]). Only the first stage of a grouping is replaced, the
//! one that sees every row. Its output is what the engine's second stage expects, which still merges
//! the partitions and spills what does not fit. The aggregates are the engine's own.

mod groups;
mod stage;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt::{self, Formatter};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::execution::TaskContext;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties,
    SendableRecordBatchStream,
};

/// Replaces the first stage of groupings by one id or date.
#[derive(Debug)]
pub struct GroupByKey;

impl PhysicalOptimizerRule for GroupByKey {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _options: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replace = |plan: Arc<dyn ExecutionPlan>| {
            let known = plan.as_any().downcast_ref::<AggregateExec>();
            Ok(match known.filter(|aggregate| is_by_key(aggregate)) {
                Some(aggregate) => {
                    Transformed::yes(Arc::new(FirstStage { aggregate: aggregate.clone() }) as _)
                }
                None => Transformed::no(plan),
            })
        };
        plan.transform_up(replace).data()
    }

    fn name(&self) -> &str {
        "GroupByKey"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_by_key(aggregate: &AggregateExec) -> bool {
    let schema = aggregate.schema();
    let is_key = matches!(
        schema.fields().first().map(|field| field.data_type()),
        Some(DataType::Int64 | DataType::Int32 | DataType::Date32)
    );
    let groups = aggregate.group_expr();
    is_key
        && groups.is_single()
        && groups.expr().len() == 1
        && *aggregate.mode() == AggregateMode::Partial
        && *aggregate.input_order_mode() == InputOrderMode::Linear
        && aggregate.limit_options().is_none()
        && aggregate.aggr_expr().iter().all(|function| {
            function.groups_accumulator_supported() && function.order_bys().is_empty()
        })
}

/// The first stage of a grouping: one row per group and partition, with the states of the
/// aggregates.
#[derive(Debug)]
struct FirstStage {
    /// What it takes the place of.
    aggregate: AggregateExec,
}

impl DisplayAs for FirstStage {
    fn fmt_as(&self, kind: DisplayFormatType, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "GroupByKey: ")?;
        self.aggregate.fmt_as(kind, out)
    }
}

impl ExecutionPlan for FirstStage {
    fn name(&self) -> &str {
        "GroupByKey"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.aggregate.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.aggregate.children()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let aggregate = Arc::new(self.aggregate.clone()).with_new_children(children)?;
        let options = ConfigOptions::default();
        GroupByKey.optimize(aggregate, &options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        stage::run(&self.aggregate, partition, &context)
    }
}
